package io.github.micronautratelimit.tck;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/** A backend at the end of a wire that can be cut, stopped and knotted, where the store itself cannot be hurt cheaply. */
public final class FaultyWire implements FaultyStore {

    /** So late that even on a machine out of breath the deadline is noticed first. */
    private static final int TIMES_LATE = 10;

    private final RateLimitBackend store;
    private final Wire wire = new Wire();
    private final Duration deadline;
    private final ScheduledExecutorService server =
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "faulty-wire"));
    /** Sent while the store hung. */
    private final List<Runnable> stuck = new ArrayList<>();
    private @Nullable Fault fault;

    /**
     * A wire without a fault.
     *
     * @param store    the backend to call; closed with this
     * @param deadline how long callers wait, which is what a slow store is measured by; 1 ms or more
     */
    public FaultyWire(RateLimitBackend store, Duration deadline) {
        this.store = store;
        this.deadline = deadline;
    }

    @Override
    public RateLimitBackend backend() {
        return wire;
    }

    @Override
    public synchronized void inject(Fault injected) {
        fault = injected;
    }

    @Override
    public synchronized void heal() {
        fault = null;
        stuck.forEach(server::execute);
        stuck.clear();
    }

    @Override
    public void close() {
        server.shutdownNow();
        store.close();
    }

    private synchronized <T> CompletionStage<T> send(Supplier<CompletionStage<T>> call) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable carryOut = () -> call.get().whenComplete((decided, failure) -> tell(answer, decided, failure));
        if (fault == null) {
            server.execute(carryOut);
            return answer;
        }
        switch (fault) {
            case REFUSED -> answer.completeExceptionally(new IllegalStateException("Connection refused"));
            case ERRORS -> server.execute(() -> answer.completeExceptionally(new IllegalStateException("LOADING")));
            case HUNG -> stuck.add(carryOut);
            case SLOW -> server.execute(() -> call.get().whenComplete((decided, failure) -> server.schedule(
                    () -> tell(answer, decided, failure), TIMES_LATE * deadline.toMillis(), TimeUnit.MILLISECONDS)));
            case REPLY_LOST -> server.execute(call::get);
            case DELIVERED_TWICE -> server.execute(() -> {
                call.get();
                carryOut.run();
            });
            case HALF_OPEN -> {
            }
        }
        return answer;
    }

    private static <T> void tell(CompletableFuture<T> answer, T decided, @Nullable Throwable failure) {
        if (failure == null) {
            answer.complete(decided);
        } else {
            answer.completeExceptionally(failure);
        }
    }

    /** The backend as it is seen through the wire. */
    private final class Wire implements RateLimitBackend {

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return send(() -> store.acquire(policy, key, permits));
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            return send(() -> store.acquireAll(asks));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return send(() -> store.peek(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return send(() -> store.refund(policy, key, permits));
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return send(() -> store.block(policy, key, micros));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return send(() -> store.reset(policy, key));
        }

        @Override
        public Duration deadline() {
            return deadline;
        }
    }
}
