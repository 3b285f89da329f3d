package io.github.micronautratelimit.redis;

import java.io.IOException;
import java.net.ConnectException;
import java.util.Set;
import java.util.concurrent.TimeoutException;

import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisException;

/** Tells a command that may have been carried out, though no reply came, from one that was refused or never sent. */
final class Unanswered {

    /** What the client says to commands that were on their way when it lost the connection, or closed it. */
    private static final Set<String> ON_THEIR_WAY = Set.of("Connection disconnected", "Connection closed");

    private Unanswered() {
    }

    /** The failure of a call, as callers are told it. */
    static Throwable or(Throwable failure) {
        if (!mayBeCarriedOut(failure)) {
            return failure;
        }
        TimeoutException unanswered = new TimeoutException("Redis did not answer: " + failure.getMessage());
        unanswered.initCause(failure);
        return unanswered;
    }

    private static boolean mayBeCarriedOut(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException) {
                return false;
            }
            if (cause instanceof RedisCommandTimeoutException || cause instanceof IOException
                    || cause.getClass() == RedisException.class && ON_THEIR_WAY.contains(cause.getMessage())) {
                return true;
            }
        }
        return false;
    }
}
