package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.internal.Futures;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Simulates faults of a network and a server in front of any backend, for stores that cannot be broken cheaply. Every
 * call for permits or slots goes through the fault. One thread executes the calls, in the order in which they were
 * sent.
 */
public final class FaultInjectingBackend extends ForwardingBackend implements FaultyStore {

    /** Late enough that the deadline passes first even on a machine that stalls for seconds. */
    private static final int SLOW_DEADLINES = 10;

    private final Duration deadline;
    private final ConcurrencyBackend slots;
    private final ScheduledExecutorService server =
            Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "faulty-store"));
    /** Calls that were sent while the store hung. */
    private final List<Runnable> hanging = new ArrayList<>();

    private @Nullable Fault fault;

    /**
     * Creates a backend without a fault.
     *
     * @param store    receives the calls; closed with this
     * @param deadline the deadline of callers, 1 ms or more; a slow store answers after ten times this
     */
    public FaultInjectingBackend(RateLimitBackend store, Duration deadline) {
        super(store);
        this.deadline = deadline;
        this.slots = new Slots(store.concurrency());
    }

    @Override
    public RateLimitBackend backend() {
        return this;
    }

    @Override
    public synchronized void inject(Fault injected) {
        fault = injected;
    }

    @Override
    public synchronized void heal() {
        fault = null;
        hanging.forEach(server::execute);
        hanging.clear();
    }

    private synchronized <T> CompletionStage<T> send(Supplier<CompletionStage<T>> call) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        Runnable execution = () -> Futures.call(call).whenComplete((value, failure) -> reply(answer, value, failure));
        if (fault == null) {
            server.execute(execution);
            return answer;
        }
        switch (fault) {
            case REFUSED -> answer.completeExceptionally(new IllegalStateException("Connection refused"));
            case ERRORS -> server.execute(() -> answer.completeExceptionally(new IllegalStateException("LOADING")));
            case HUNG -> hanging.add(execution);
            case SLOW -> server.execute(() -> Futures.call(call)
                    .whenComplete((value, failure) -> server.schedule(
                            () -> reply(answer, value, failure),
                            SLOW_DEADLINES * deadline.toMillis(),
                            TimeUnit.MILLISECONDS)));
            case REPLY_LOST -> server.execute(call::get);
            case DELIVERED_TWICE -> server.execute(() -> {
                call.get();
                execution.run();
            });
            case HALF_OPEN -> {}
        }
        return answer;
    }

    private static <T> void reply(CompletableFuture<T> answer, T value, @Nullable Throwable failure) {
        if (failure == null) {
            answer.complete(value);
        } else {
            answer.completeExceptionally(failure);
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return send(() -> delegate().acquire(policy, key, permits));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return send(() -> delegate().acquireBatch(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        return send(() -> delegate().acquireAll(requests));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return send(() -> delegate().peek(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return send(() -> delegate().refund(policy, key, permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return send(() -> delegate().reserve(policy, key, id, permits, ttlMicros));
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return send(() -> delegate().settle(policy, key, receipt, actual));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return send(() -> delegate().block(policy, key, micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return send(() -> delegate().reset(policy, key));
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return slots;
    }

    @Override
    public Duration deadline() {
        return deadline;
    }

    /** A store with faults is not local, even if a backend in memory receives the calls. */
    @Override
    public boolean isLocal() {
        return false;
    }

    @Override
    public void close() {
        server.shutdownNow();
        super.close();
    }

    /** The slots of the store, through the same faults. */
    private final class Slots implements ConcurrencyBackend {

        private final ConcurrencyBackend store;

        Slots(ConcurrencyBackend store) {
            this.store = store;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
            return send(() -> store.acquire(policy, key, holder));
        }

        @Override
        public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
            return send(() -> store.renew(policy, key, holder));
        }

        @Override
        public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
            return send(() -> store.release(policy, key, holder));
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key) {
            return send(() -> store.peek(policy, key));
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return send(() -> store.reset(policy, key));
        }
    }
}
