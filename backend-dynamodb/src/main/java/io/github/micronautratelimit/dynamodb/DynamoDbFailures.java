package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Futures;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLHandshakeException;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.retry.RetryUtils;
import software.amazon.awssdk.services.dynamodb.model.ProvisionedThroughputExceededException;
import software.amazon.awssdk.services.dynamodb.model.ReplicatedWriteConflictException;
import software.amazon.awssdk.services.dynamodb.model.RequestLimitExceededException;
import software.amazon.awssdk.services.dynamodb.model.TransactionConflictException;

/**
 * Classifies failures. If AWS rejects a request because of load, or because another write of the item is under way, the
 * key is throttled. If AWS rejects it for any other reason, the failure is permanent until an operator corrects the
 * credentials, a permission, the table or the code. A write without a response may have been made. All others are an
 * outage.
 */
final class DynamoDbFailures {

    static final String INVALID_REQUEST = "ValidationException";
    static final String ACCESS_DENIED = "AccessDeniedException";
    static final String NO_TABLE = "ResourceNotFoundException";

    private static final Set<String> CONFLICTS =
            Set.of("ReplicatedWriteConflictException", "TransactionConflictException");
    /** Codes of rejections, for responses without a status. */
    private static final Set<String> PERMANENT = Set.of(INVALID_REQUEST, ACCESS_DENIED, NO_TABLE);
    /** The beginning of the messages of the SDK if no provider has credentials; it has no type or code for this. */
    private static final Set<String> NO_CREDENTIALS =
            Set.of("unable to load credentials", "failed to load credentials");

    private static final int FIRST_CLIENT_ERROR = 400;
    private static final int REQUEST_TIMEOUT = 408;
    private static final int FIRST_SERVER_ERROR = 500;

    private DynamoDbFailures() {}

    /** Fails a write that may have been made, because no response came. */
    static final class LostResponse extends TimeoutException {

        private static final long serialVersionUID = 1L;

        private final boolean connectionBroken;

        LostResponse(SdkException failure) {
            super("DynamoDB did not answer: " + failure.getMessage());
            this.connectionBroken = isBrokenConnection(failure);
            initCause(failure);
        }

        /** Returns whether an open connection broke, so that a new one may work. */
        boolean isConnectionBroken() {
            return connectionBroken;
        }
    }

    /** Returns a stage that fails with the exception that a guard expects. */
    static <T> CompletionStage<T> classified(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedFuture(classified(failure)));
    }

    private static Throwable classified(Throwable failure) {
        Throwable cause = Futures.unwrap(failure);
        if (isThrottled(cause)) {
            return new StoreThrottledException(cause);
        }
        return isPermanent(cause) ? new NonRetryableStoreException(cause) : cause;
    }

    /** Returns whether the request was not executed and may succeed a little later. */
    private static boolean isThrottled(Throwable failure) {
        return failure instanceof ProvisionedThroughputExceededException
                || failure instanceof RequestLimitExceededException
                || failure instanceof ReplicatedWriteConflictException
                || failure instanceof TransactionConflictException
                || failure instanceof SdkException sdk
                        && (RetryUtils.isThrottlingException(sdk) || CONFLICTS.contains(errorCode(sdk)));
    }

    /** Returns whether AWS has rejected the request, or the credentials to sign it are missing. */
    static boolean isPermanent(Throwable failure) {
        if (failure instanceof AwsServiceException answered) {
            int status = answered.statusCode();
            return PERMANENT.contains(errorCode(answered))
                    || status >= FIRST_CLIENT_ERROR
                            && status < FIRST_SERVER_ERROR
                            && status != REQUEST_TIMEOUT
                            && !isThrottled(answered);
        }
        String message = failure instanceof SdkException ? String.valueOf(failure.getMessage()) : "";
        return NO_CREDENTIALS.stream().anyMatch(message.toLowerCase(Locale.ROOT)::startsWith);
    }

    /** Returns the error code of a response, or an empty text if no response came. */
    static String errorCode(Throwable failure) {
        return failure instanceof AwsServiceException answered && answered.awsErrorDetails() != null
                ? String.valueOf(answered.awsErrorDetails().errorCode())
                : "";
    }

    /** Returns a {@link LostResponse} if a write may have been made, otherwise the failure itself. */
    static Throwable ofWrite(Throwable failure) {
        return failure instanceof SdkException failed && mayBeWritten(failed) ? new LostResponse(failed) : failure;
    }

    private static boolean mayBeWritten(SdkException failure) {
        // The failure describes the last attempt only.
        if (failure.numAttempts() != null && failure.numAttempts() > 1) {
            return true;
        }
        return failure instanceof AwsServiceException answered
                ? answered.statusCode() >= FIRST_SERVER_ERROR
                : !isConnectFailure(failure) && !isPermanent(failure);
    }

    /** Returns whether an open connection broke. Only then does a retry on a new connection help. */
    static boolean isBrokenConnection(Throwable failure) {
        return hasCause(failure, IOException.class) && !isConnectFailure(failure);
    }

    /** Returns whether AWS has rejected the time of a signature. The client has corrected its time since. */
    static boolean isSkewed(Throwable failure) {
        return failure instanceof SdkException sdk && RetryUtils.isClockSkewException(sdk);
    }

    private static boolean isConnectFailure(Throwable failure) {
        return hasCause(failure, ConnectException.class)
                || hasCause(failure, UnknownHostException.class)
                || hasCause(failure, NoRouteToHostException.class)
                || hasCause(failure, SSLHandshakeException.class)
                || isConnectTimeout(failure);
    }

    /** HTTP clients have own types for it, and the JDK only a message. */
    private static boolean isConnectTimeout(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            boolean ofJdk = cause instanceof SocketTimeoutException
                    && String.valueOf(cause.getMessage())
                            .toLowerCase(Locale.ROOT)
                            .startsWith("connect");
            if (ofJdk || cause.getClass().getSimpleName().equals("ConnectTimeoutException")) {
                return true;
            }
        }
        return false;
    }

    private static boolean hasCause(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }
}
