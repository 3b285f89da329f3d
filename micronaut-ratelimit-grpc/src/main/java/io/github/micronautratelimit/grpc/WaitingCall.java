package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.RateLimiter;
import io.grpc.ClientCall;
import io.grpc.ForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A call of a client that starts when its turn comes. Earlier actions of the client are kept until then, and are
 * passed on in order by one thread at a time.
 *
 * @param <Q> the type of the requests
 * @param <A> the type of the responses
 */
final class WaitingCall<Q, A> extends ClientCall<Q, A> {

    private final ClientCall<Q, A> call;
    private final Executor executor;
    private final RateLimiter limiter;
    private final Supplier<CompletableFuture<Lease>> turn;
    private final BiConsumer<Status, Metadata> ended;
    private final Deque<Runnable> actions = new ArrayDeque<>();
    private boolean passing = true;
    private volatile boolean started;
    private boolean over;
    private @Nullable CompletableFuture<Lease> lease;

    /**
     * Creates a call.
     *
     * @param call     the call that waits
     * @param executor runs the callbacks of a call that is not started
     * @param limiter  gets the permits of a call that was cancelled in time
     * @param turn     begins to wait
     * @param ended    receives the status that the service has sent
     */
    WaitingCall(
            ClientCall<Q, A> call,
            Executor executor,
            RateLimiter limiter,
            Supplier<CompletableFuture<Lease>> turn,
            BiConsumer<Status, Metadata> ended) {
        this.call = call;
        this.executor = executor;
        this.limiter = limiter;
        this.turn = turn;
        this.ended = ended;
    }

    @Override
    public void start(Listener<A> listener, Metadata headers) {
        CompletableFuture<Lease> taken = turn.get();
        synchronized (actions) {
            lease = taken;
        }
        taken.whenComplete((granted, failure) -> decided(listener, headers, granted));
    }

    private void decided(Listener<A> listener, Metadata headers, @Nullable Lease granted) {
        boolean cancelled;
        synchronized (actions) {
            cancelled = over;
            over = over || granted == null || !granted.allowed();
        }
        if (cancelled) {
            if (granted != null && granted.allowed()) {
                limiter.async().refund(granted.decisions());
                granted.close();
            }
            refuse(listener, Status.CANCELLED.withDescription("Cancelled while waiting for permits."), new Metadata());
        } else if (granted == null) {
            refuse(listener, Status.UNAVAILABLE.withDescription("The rate limit cannot be checked."), new Metadata());
        } else if (!granted.allowed()) {
            refuse(listener, GrpcDenial.status(granted.decisions()), GrpcDenial.trailers(granted.decisions()));
        } else {
            call.start(watched(listener, granted), headers);
            started = true;
            passOn();
        }
    }

    private void refuse(Listener<A> listener, Status status, Metadata trailers) {
        synchronized (actions) {
            actions.clear();
        }
        executor.execute(() -> listener.onClose(status, trailers));
    }

    private Listener<A> watched(Listener<A> listener, Lease granted) {
        return new ForwardingClientCallListener.SimpleForwardingClientCallListener<>(listener) {
            @Override
            public void onClose(Status status, Metadata trailers) {
                granted.close();
                limiter.async().applyOutcome(granted.decisions(), 0, status.asRuntimeException());
                ended.accept(status, trailers);
                super.onClose(status, trailers);
            }
        };
    }

    private void passOn() {
        while (true) {
            Runnable action;
            synchronized (actions) {
                action = actions.poll();
                if (action == null) {
                    passing = false;
                    return;
                }
            }
            action.run();
        }
    }

    private void pass(Runnable action) {
        synchronized (actions) {
            if (over) {
                return;
            }
            actions.add(action);
            if (passing) {
                return;
            }
            passing = true;
        }
        passOn();
    }

    @Override
    public void request(int messages) {
        pass(() -> call.request(messages));
    }

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {
        CompletableFuture<Lease> waiting;
        synchronized (actions) {
            waiting = started ? null : lease;
            over = over || waiting != null;
        }
        if (waiting == null) {
            call.cancel(message, cause);
        } else {
            waiting.cancel(false);
        }
    }

    @Override
    public void halfClose() {
        pass(call::halfClose);
    }

    @Override
    public void sendMessage(Q message) {
        pass(() -> call.sendMessage(message));
    }

    @Override
    public boolean isReady() {
        return started && call.isReady();
    }

    @Override
    public void setMessageCompression(boolean enabled) {
        pass(() -> call.setMessageCompression(enabled));
    }
}
