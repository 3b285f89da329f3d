package io.github.micronautratelimit.dynamodb;

import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.util.concurrent.TimeoutException;

import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.SdkException;

/** Tells a write that may have been made, though no answer came, from one that was refused or never sent. */
final class Unanswered {

    private static final int FIRST_OF_THE_SERVERS = 500;

    private Unanswered() {
    }

    /** The failure of a write, as callers are told it. */
    static Throwable or(Throwable failure) {
        if (!(failure instanceof SdkException told) || !mayBeMade(told)) {
            return failure;
        }
        TimeoutException unanswered = new TimeoutException("DynamoDB did not answer: " + told.getMessage());
        unanswered.initCause(told);
        return unanswered;
    }

    private static boolean mayBeMade(SdkException failure) {
        // Of the attempts before the last it is only known that they failed.
        if (failure.numAttempts() != null && failure.numAttempts() > 1) {
            return true;
        }
        return failure instanceof AwsServiceException answer ? answer.statusCode() >= FIRST_OF_THE_SERVERS
                : !foundNobody(failure);
    }

    /** Whether a connection broke while it was used, and not while it was opened: only then another may help at once. */
    static boolean isBroken(Throwable failure) {
        return isCausedBy(failure, IOException.class) && !foundNobody(failure);
    }

    private static boolean foundNobody(Throwable failure) {
        return isCausedBy(failure, ConnectException.class) || isCausedBy(failure, UnknownHostException.class);
    }

    private static boolean isCausedBy(Throwable failure, Class<? extends Throwable> type) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return true;
            }
        }
        return false;
    }
}
