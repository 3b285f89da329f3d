package io.github.micronautratelimit.observe;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.observe.StoreListener.Operation;
import io.github.micronautratelimit.observe.StoreListener.Outcome;
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

/**
 * Reports every call to a store to listeners. The innermost layer, so that it measures calls and not the time that
 * requests wait for one. Returns the stages of the store itself.
 */
public final class ObservedBackend extends ForwardingBackend {

    private static final Logger LOG = LoggerFactory.getLogger(StoreListener.class);

    private final String name;
    private final List<StoreListener> listeners;
    private final LongAdder failures = new LongAdder();

    /**
     * Creates an observed backend.
     *
     * @param store     the backend of the store
     * @param name      the name of the store
     * @param listeners receive each call, in this order
     */
    public ObservedBackend(RateLimitBackend store, String name, List<? extends StoreListener> listeners) {
        super(store);
        this.name = name;
        this.listeners = List.copyOf(listeners);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return observed(Operation.ACQUIRE, List.of(policy), () -> delegate().acquire(policy, key, permits));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return observed(
                Operation.ACQUIRE_BATCH, List.of(policy), () -> delegate().acquireBatch(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        return observed(
                Operation.ACQUIRE_ALL,
                requests.stream().map(PermitRequest::policy).toList(),
                () -> delegate().acquireAll(requests));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return observed(Operation.PEEK, List.of(policy), () -> delegate().peek(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return observed(Operation.PEEK, List.of(policy), () -> delegate().usage(policy, key));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return observed(
                Operation.REFUND, List.of(policy), () -> delegate().refund(policy, key, permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return observed(
                Operation.RESERVE, List.of(policy), () -> delegate().reserve(policy, key, id, permits, ttlMicros));
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return observed(Operation.SETTLE, List.of(policy), () -> delegate().settle(policy, key, receipt, actual));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return observed(Operation.BLOCK, List.of(policy), () -> delegate().block(policy, key, micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return observed(Operation.RESET, List.of(policy), () -> delegate().reset(policy, key));
    }

    @Override
    public ConcurrencyBackend concurrency() {
        ConcurrencyBackend slots = delegate().concurrency();
        return new ConcurrencyBackend() {

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                return observed(Operation.ACQUIRE_LEASE, List.of(policy), () -> slots.acquire(policy, key, holder));
            }

            @Override
            public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
                return observed(Operation.RENEW_LEASE, List.of(policy), () -> slots.renew(policy, key, holder));
            }

            @Override
            public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                return observed(Operation.RELEASE_LEASE, List.of(policy), () -> slots.release(policy, key, holder));
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key) {
                return observed(Operation.PEEK, List.of(policy), () -> slots.peek(policy, key));
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return observed(Operation.RESET, List.of(policy), () -> slots.reset(policy, key));
            }
        };
    }

    private <T> CompletionStage<T> observed(
            Operation operation, List<Policy> policies, Supplier<CompletionStage<T>> call) {
        List<StoreListener.StoreCall> underWay = new ArrayList<>(listeners.size());
        for (StoreListener listener : listeners) {
            safely(() -> underWay.add(listener.onCall(name, operation, policies)));
        }
        long begun = System.nanoTime();
        CompletionStage<T> answer = Futures.call(call);
        // Not a dependent stage: a caller that cancels must cancel the stage of the store.
        answer.whenComplete((value, failure) -> {
            Duration duration = Duration.ofNanos(System.nanoTime() - begun);
            Throwable cause = failure == null ? null : Futures.unwrap(failure);
            Outcome outcome = outcome(cause);
            underWay.forEach(each -> safely(() -> each.onEnd(outcome, duration, cause)));
        });
        return answer;
    }

    private static Outcome outcome(@Nullable Throwable failure) {
        if (failure == null) {
            return Outcome.ANSWERED;
        }
        return failure instanceof CancellationException ? Outcome.LATE : Outcome.FAILED;
    }

    private void safely(Runnable notification) {
        try {
            notification.run();
        } catch (RuntimeException | LinkageError | AssertionError e) {
            failures.increment();
            if (failures.sum() == 1) {
                LOG.warn(
                        "A listener of the rate limit store \"{}\" failed. Decisions are not affected. Further failures "
                                + "are counted and not logged.",
                        name,
                        e);
            }
        }
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.addListenerFailures(failures.sum());
        super.collectStats(stats);
    }
}
