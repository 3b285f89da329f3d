package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;

import com.hazelcast.core.IndeterminateOperationStateException;
import com.hazelcast.core.OperationTimeoutException;
import com.hazelcast.spi.exception.TargetDisconnectedException;

/** Tells a call that may have been carried out, though no answer came, from one that was refused or never sent. */
final class Unanswered {

    private Unanswered() {
    }

    /** The failure of a call, as callers are told it. */
    static Throwable or(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof OperationTimeoutException || cause instanceof IndeterminateOperationStateException
                    || cause instanceof TargetDisconnectedException || cause instanceof IOException) {
                return after(failure);
            }
        }
        return failure;
    }

    static TimeoutException after(Throwable failure) {
        Throwable reason = failure instanceof CompletionException && failure.getCause() != null
                ? failure.getCause() : failure;
        if (reason instanceof TimeoutException told) {
            return told;
        }
        TimeoutException unanswered = new TimeoutException("Hazelcast did not answer: " + reason.getMessage());
        unanswered.initCause(reason);
        return unanswered;
    }
}
