package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletResponse;
import org.jspecify.annotations.Nullable;

/**
 * The end of a request: releases its slots, and gives back the permits that its outcome does not cost. Asynchronous
 * processing ends with its completion, even if it is started several times. Not thread-safe, as the request.
 */
final class RequestEnd implements AsyncListener {

    private final AsyncRateLimiter limiter;
    private final AppliedLimits applied;
    private final Lease lease;
    private final HttpServletResponse response;
    /** Says whether the request ends here, and not where an outer path ends that was decided before. */
    private final boolean outermost;

    private @Nullable Throwable failure;

    /**
     * Creates the end of a request.
     *
     * @param limiter  made the decisions
     * @param applied  the decisions on the request at all its paths
     * @param lease    the slots
     * @param response the response to the request
     */
    RequestEnd(AsyncRateLimiter limiter, AppliedLimits applied, Lease lease, HttpServletResponse response) {
        this.limiter = limiter;
        this.applied = applied;
        this.lease = lease;
        this.response = response;
        this.outermost = applied.beginEnd();
    }

    /** Remembers the exception with which the request has failed. */
    void failed(@Nullable Throwable cause) {
        failure = cause instanceof ServletException wrapper && wrapper.getRootCause() != null
                ? wrapper.getRootCause()
                : cause;
    }

    /** Ends the request. The container sets the status of a failed request later. */
    void complete() {
        lease.close();
        Decisions decisions = outermost ? applied.take() : null;
        if (decisions != null) {
            boolean undecided = failure != null && response.getStatus() < HttpServletResponse.SC_BAD_REQUEST;
            limiter.applyOutcome(
                    decisions,
                    undecided ? HttpServletResponse.SC_INTERNAL_SERVER_ERROR : response.getStatus(),
                    failure);
        }
    }

    @Override
    public void onComplete(AsyncEvent event) {
        complete();
    }

    /** Completion follows a timeout or an error, unless the request is dispatched again. */
    @Override
    public void onTimeout(AsyncEvent event) {}

    @Override
    public void onError(AsyncEvent event) {
        failed(event.getThrowable());
    }

    @Override
    public void onStartAsync(AsyncEvent event) {
        event.getAsyncContext().addListener(this);
    }
}
