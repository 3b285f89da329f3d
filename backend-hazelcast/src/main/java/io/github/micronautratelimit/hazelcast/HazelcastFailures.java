package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.IndeterminateOperationStateException;
import com.hazelcast.core.OperationTimeoutException;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.spi.exception.TargetDisconnectedException;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.internal.Futures;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;

/**
 * Classifies failures of Hazelcast as {@link io.github.micronautratelimit.RateLimitBackend} requires: permanent
 * failures become a {@link NonRetryableStoreException}, calls with an unknown outcome a {@link TimeoutException}, and
 * other failures stay as they are.
 */
final class HazelcastFailures {

    /** An entry that is not a state or was written by a newer version, and a missing permission. */
    private static final List<Class<? extends Throwable>> PERMANENT = List.of(
            ClassCastException.class,
            IllegalArgumentException.class,
            HazelcastSerializationException.class,
            SecurityException.class);

    /** The call was sent, and no answer came. */
    private static final List<Class<? extends Throwable>> UNKNOWN_OUTCOME = List.of(
            OperationTimeoutException.class,
            IndeterminateOperationStateException.class,
            TargetDisconnectedException.class,
            IOException.class);

    private HazelcastFailures() {}

    /** Returns the same stage with its failure classified. */
    static <T> CompletionStage<T> classified(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedFuture(classify(failure)));
    }

    static Throwable classify(Throwable failure) {
        Throwable reason = Futures.unwrap(failure);
        if (isCausedBy(reason, PERMANENT)) {
            return new NonRetryableStoreException(reason);
        }
        return isCausedBy(reason, UNKNOWN_OUTCOME) ? unknownOutcome(reason) : reason;
    }

    /** Returns the failure of a call that the store may have executed. */
    static TimeoutException unknownOutcome(Throwable failure) {
        Throwable reason = Futures.unwrap(failure);
        if (reason instanceof TimeoutException timeout) {
            return timeout;
        }
        TimeoutException timeout = new TimeoutException("Hazelcast did not answer: " + reason.getMessage());
        timeout.initCause(reason);
        return timeout;
    }

    /** Returns whether a member could not deserialize the operation. */
    static boolean isRejection(Throwable failure) {
        return isCausedBy(failure, List.of(HazelcastSerializationException.class));
    }

    /** Returns whether a client has lost the connection to the member that it called. */
    static boolean isDisconnection(Throwable failure) {
        return isCausedBy(failure, List.of(TargetDisconnectedException.class));
    }

    private static boolean isCausedBy(Throwable failure, List<Class<? extends Throwable>> types) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            Throwable thrown = cause;
            if (types.stream().anyMatch(type -> type.isInstance(thrown))) {
                return true;
            }
        }
        return false;
    }
}
