package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.StoreListener.Operation;
import io.github.micronautratelimit.StoreListener.Outcome;

/**
 * Stands right before a store, behind a {@link Guard}, and tells listeners of every call to it. Stages are the store's
 * own.
 */
public final class ObservedStore implements RateLimitBackend, InFront {

    private static final Logger LOG = LoggerFactory.getLogger(StoreListener.class);

    private final RateLimitBackend store;
    private final String name;
    private final List<StoreListener> listeners;
    private final LongAdder failures = new LongAdder();

    /**
     * A store that is observed.
     *
     * @param store     answers
     * @param name      what it is called
     * @param listeners are told, in this order
     */
    public ObservedStore(RateLimitBackend store, String name, List<? extends StoreListener> listeners) {
        this.store = store;
        this.name = name;
        this.listeners = List.copyOf(listeners);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return told(Operation.ACQUIRE, List.of(policy), () -> store.acquire(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        return told(Operation.ACQUIRE_EACH, List.of(policy), () -> store.acquireEach(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return told(Operation.ACQUIRE_ALL, asks.stream().map(Ask::policy).toList(), () -> store.acquireAll(asks));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return told(Operation.PEEK, List.of(policy), () -> store.peek(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return told(Operation.REFUND, List.of(policy), () -> store.refund(policy, key, permits));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return told(Operation.BLOCK, List.of(policy), () -> store.block(policy, key, micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return told(Operation.RESET, List.of(policy), () -> store.reset(policy, key));
    }

    @Override
    public LeaseBackend leases() {
        LeaseBackend leases = store.leases();
        return new LeaseBackend() {

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                return told(Operation.ACQUIRE_LEASE, List.of(policy), () -> leases.acquire(policy, key, holder));
            }

            @Override
            public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
                return told(Operation.RENEW_LEASE, List.of(policy), () -> leases.renew(policy, key, holder));
            }

            @Override
            public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                return told(Operation.RELEASE_LEASE, List.of(policy), () -> leases.release(policy, key, holder));
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key) {
                return told(Operation.PEEK, List.of(policy), () -> leases.peek(policy, key));
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return told(Operation.RESET, List.of(policy), () -> leases.reset(policy, key));
            }
        };
    }

    private <T> CompletionStage<T> told(Operation operation, List<Policy> policies, Supplier<CompletionStage<T>> call) {
        List<StoreListener.Call> underWay = new ArrayList<>(listeners.size());
        for (StoreListener listener : listeners) {
            harmlessly(() -> underWay.add(listener.onCall(name, operation, policies)));
        }
        long begun = System.nanoTime();
        CompletionStage<T> answer = RateLimiter.called(call);
        // Not the stage that follows from it: who cancels his call cancels the store's own stage.
        answer.whenComplete((value, failure) -> {
            Duration duration = Duration.ofNanos(System.nanoTime() - begun);
            Throwable cause = failure == null ? null : Listeners.unwrapped(failure);
            Outcome outcome = outcome(cause);
            underWay.forEach(each -> harmlessly(() -> each.onEnd(outcome, duration, cause)));
        });
        return answer;
    }

    private static Outcome outcome(@Nullable Throwable failure) {
        if (failure == null) {
            return Outcome.ANSWERED;
        }
        return failure instanceof CancellationException ? Outcome.LATE : Outcome.FAILED;
    }

    private void harmlessly(Runnable told) {
        try {
            told.run();
        } catch (RuntimeException | LinkageError | AssertionError e) {
            failures.increment();
            if (failures.sum() == 1) {
                LOG.warn("A listener to the rate limit store \"{}\" failed; decisions stand, and further failures are not "
                        + "logged.", name, e);
            }
        }
    }

    /** How often a listener threw something. */
    long failures() {
        return failures.sum();
    }

    @Override
    public Duration deadline() {
        return store.deadline();
    }

    @Override
    public RateLimitBackend of() {
        return store;
    }

    @Override
    public void close() {
        store.close();
    }
}
