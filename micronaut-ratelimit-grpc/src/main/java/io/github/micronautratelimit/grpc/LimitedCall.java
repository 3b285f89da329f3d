package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.RateLimiter;
import io.grpc.Context;
import io.grpc.ForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A call with limits. Events that arrive before the decision are kept in their order; at most the cancellation and the
 * readiness of the call arrive, because no message was requested. Afterwards each event is passed on by one thread at a
 * time, as gRPC promises to services.
 *
 * @param <Q> the type of the requests
 * @param <A> the type of the responses
 */
final class LimitedCall<Q, A> extends ForwardingServerCall.SimpleForwardingServerCall<Q, A> {

    private final Metadata headers;
    private final ServerCallHandler<Q, A> next;
    private final RateLimiter limiter;
    private final Runnable leaveQueue;
    private final Context context = Context.current();
    private final Deque<Runnable> events = new ArrayDeque<>();
    private final AtomicBoolean ended = new AtomicBoolean();
    private boolean passing = true;
    private ServerCall.@Nullable Listener<Q> service;
    private volatile @Nullable Lease lease;

    LimitedCall(
            ServerCall<Q, A> call,
            Metadata headers,
            ServerCallHandler<Q, A> next,
            RateLimiter limiter,
            Runnable leaveQueue) {
        super(call);
        this.headers = headers;
        this.next = next;
        this.limiter = limiter;
        this.leaveQueue = leaveQueue;
    }

    /** Starts the service, or ends the call. Called once. */
    void decided(@Nullable Lease decided, @Nullable Throwable failure) {
        if (decided == null) {
            delegate().close(Status.UNAVAILABLE.withDescription("The rate limit cannot be checked."), new Metadata());
        } else if (!decided.allowed()) {
            delegate().close(GrpcDenial.status(decided.decisions()), GrpcDenial.trailers(decided.decisions()));
        } else {
            lease = decided;
            if (ended.get()) {
                limiter.async().refund(decided.decisions()); // the client has cancelled meanwhile
                release();
            } else {
                start();
            }
        }
        passOn();
    }

    private void start() {
        try {
            ServerCall.Listener<Q> started = context.call(() -> next.startCall(this, headers));
            synchronized (events) {
                service = started;
            }
        } catch (Exception e) {
            close(Status.UNKNOWN.withCause(e), new Metadata());
        }
    }

    /** Passes on the events that have arrived, and lets later ones pass at once. */
    private void passOn() {
        while (true) {
            Runnable event;
            synchronized (events) {
                event = events.poll();
                if (event == null) {
                    passing = false;
                    return;
                }
            }
            event.run();
        }
    }

    private void event(java.util.function.Consumer<ServerCall.Listener<Q>> event) {
        synchronized (events) {
            events.add(() -> {
                ServerCall.Listener<Q> receiver = service;
                if (receiver != null) {
                    context.run(() -> event.accept(receiver));
                }
            });
            if (passing) {
                return;
            }
            passing = true;
        }
        passOn();
    }

    /** Ends the call: with the outcome for charges, and without its slots. */
    @Override
    public void close(Status status, Metadata trailers) {
        Lease taken = lease;
        if (taken != null && !ended.get()) {
            Decisions decisions = taken.decisions();
            limiter.async().applyOutcome(decisions, 0, status.getCause());
        }
        super.close(status, trailers);
    }

    private void end() {
        if (ended.compareAndSet(false, true)) {
            release();
        }
    }

    private void release() {
        Lease taken = lease;
        if (taken == null) {
            leaveQueue.run();
        } else {
            taken.close();
        }
    }

    ServerCall.Listener<Q> listener() {
        return new ServerCall.Listener<>() {

            @Override
            public void onMessage(Q message) {
                event(service -> service.onMessage(message));
            }

            @Override
            public void onHalfClose() {
                event(ServerCall.Listener::onHalfClose);
            }

            @Override
            public void onCancel() {
                end();
                event(ServerCall.Listener::onCancel);
            }

            @Override
            public void onComplete() {
                end();
                event(ServerCall.Listener::onComplete);
            }

            @Override
            public void onReady() {
                event(ServerCall.Listener::onReady);
            }
        };
    }
}
