package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.Lease;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;

/**
 * Releases the slots of a request when its asynchronous processing is complete, even if it is started several times.
 */
final class LeaseReleaseListener implements AsyncListener {

    private final Lease lease;

    private LeaseReleaseListener(Lease lease) {
        this.lease = lease;
    }

    static void releaseAfter(AsyncContext async, Lease lease) {
        if (lease.hasSlots()) {
            async.addListener(new LeaseReleaseListener(lease));
        }
    }

    @Override
    public void onComplete(AsyncEvent event) {
        lease.close();
    }

    /** Completion follows a timeout or an error, unless the request is dispatched again. */
    @Override
    public void onTimeout(AsyncEvent event) {}

    @Override
    public void onError(AsyncEvent event) {}

    @Override
    public void onStartAsync(AsyncEvent event) {
        event.getAsyncContext().addListener(this);
    }
}
