package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.Lease;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;

/** Holds a request's places while it is processed asynchronously, however often that is begun anew. */
final class HeldWhile implements AsyncListener {

    private final Lease lease;

    private HeldWhile(Lease lease) {
        this.lease = lease;
    }

    static void processed(AsyncContext async, Lease lease) {
        if (lease.hasPlaces()) {
            async.addListener(new HeldWhile(lease));
        }
    }

    @Override
    public void onComplete(AsyncEvent event) {
        lease.close();
    }

    /** What follows a timeout or an error is the completion, unless somebody dispatches the request again. */
    @Override
    public void onTimeout(AsyncEvent event) {
    }

    @Override
    public void onError(AsyncEvent event) {
    }

    @Override
    public void onStartAsync(AsyncEvent event) {
        event.getAsyncContext().addListener(this);
    }
}
