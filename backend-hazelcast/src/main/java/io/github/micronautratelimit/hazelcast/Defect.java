package io.github.micronautratelimit.hazelcast;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import com.hazelcast.nio.serialization.HazelcastSerializationException;

import io.github.micronautratelimit.RateLimitDefectException;

/** Tells what no waiting cures, such as an entry that is no state, from a cluster in trouble. */
final class Defect {

    /** What is read and is something else, what a newer version has written, and what is not allowed. */
    private static final List<Class<? extends RuntimeException>> TYPES = List.of(ClassCastException.class,
            IllegalArgumentException.class, HazelcastSerializationException.class, SecurityException.class);

    private Defect() {
    }

    /** The same stage, whose failure callers are told as what it is. */
    static <T> CompletionStage<T> told(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedFuture(or(failure)));
    }

    private static Throwable or(Throwable failure) {
        Throwable reason = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause() : failure;
        return TYPES.stream().anyMatch(type -> isCausedBy(reason, type)) ? new RateLimitDefectException(reason)
                : Unanswered.or(reason);
    }

    static boolean isCausedBy(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }
}
