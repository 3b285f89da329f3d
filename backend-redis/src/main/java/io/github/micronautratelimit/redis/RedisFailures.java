package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;
import java.io.IOException;
import java.net.ConnectException;
import java.util.Set;
import java.util.concurrent.TimeoutException;

/**
 * Classifies the failures that the client reports.
 *
 * <ul>
 *   <li><em>Permanent</em>: the server cannot execute the call, and a retry would not help. Examples are a key of
 *       another type or a missing permission. Reported as a {@link NonRetryableStoreException}.</li>
 *   <li><em>Indeterminate</em>: the call was sent and no reply came, so the server may have executed it. Reported as a
 *       {@link TimeoutException}.</li>
 *   <li><em>Other</em>: the server rejected the call, or the client never sent it. Reported as it is.</li>
 * </ul>
 */
final class RedisFailures {

    private static final Set<String> PERMANENT = Set.of("ERR", "WRONGTYPE", "NOPERM", "CROSSSLOT");
    /** Redis before version 7 reports an error inside a script as ERR, with the original code later in the message. */
    private static final Set<String> TRANSIENT =
            Set.of("READONLY", "OOM", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "LOADING", "BUSY");
    /** The messages with which the client fails commands in flight if it loses or closes the connection. */
    private static final Set<String> CONNECTION_LOST = Set.of("Connection disconnected", "Connection closed");

    private RedisFailures() {}

    /** Returns the failure to report to the caller. */
    static Throwable classify(Throwable failure) {
        if (isPermanent(failure)) {
            return new NonRetryableStoreException(failure);
        }
        if (isIndeterminate(failure)) {
            TimeoutException indeterminate = new TimeoutException("Redis did not reply: " + failure.getMessage());
            indeterminate.initCause(failure);
            return indeterminate;
        }
        return failure;
    }

    private static boolean isPermanent(Throwable failure) {
        if (!(failure instanceof RedisCommandExecutionException)) {
            return false;
        }
        String message = String.valueOf(failure.getMessage());
        return PERMANENT.contains(message.split(" ", 2)[0])
                && TRANSIENT.stream().noneMatch(message::contains);
    }

    private static boolean isIndeterminate(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException) {
                return false;
            }
            if (cause instanceof RedisCommandTimeoutException
                    || cause instanceof IOException
                    || cause.getClass() == RedisException.class
                            && CONNECTION_LOST.contains(String.valueOf(cause.getMessage()))) {
                return true;
            }
        }
        return false;
    }
}
