package io.github.micronautratelimit.dynamodb;

import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.RateLimitDefectException;
import software.amazon.awssdk.awscore.exception.AwsServiceException;

/** Tells what no waiting cures, such as a missing table or right, from a table in trouble, which throttling is. */
final class Defect {

    private static final Set<String> CODES =
            Set.of("ValidationException", "AccessDeniedException", "ResourceNotFoundException");

    private Defect() {
    }

    /** The same stage, whose failure callers are told as what it is. */
    static <T> CompletionStage<T> told(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedFuture(or(failure)));
    }

    private static Throwable or(Throwable failure) {
        Throwable reason = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause() : failure;
        return reason instanceof AwsServiceException refused && refused.awsErrorDetails() != null
                && CODES.contains(String.valueOf(refused.awsErrorDetails().errorCode()))
                ? new RateLimitDefectException(refused) : reason;
    }
}
