package io.github.micronautratelimit.hotkey;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * Lets concurrent callers of one policy and key share calls to the store. A hot key then costs the store one call per
 * round trip instead of one per request.
 *
 * <p><em>Coalescing.</em> The first call of an idle key goes straight through. Callers that arrive during the call
 * wait. When its answer arrives, all waiting callers go together in one {@link RateLimitBackend#acquireBatch}, in the
 * order of arrival. The coalescer uses neither timers nor locks. Callers with different limits do not share calls,
 * even if their policies have the same name. The queue of a key is removed with its last answer.
 *
 * <p><em>Failures.</em> A failed call fails the callers it was made for, and no others. If a caller finds a call that
 * is older than the timeout, or {@value KeyQueue#MAX_WAITING} waiting callers, it starts a new call for all waiting
 * callers. Callers that have waited longer than the timeout fail without being charged. The timeout is the deadline of
 * a guard above, which has decided for such a caller long ago; the deadline of a policy takes precedence. A caller
 * that cancels its stage while it waits is dropped and does not disturb the others.
 *
 * <p><em>Throttling.</em> If a call fails with a {@link StoreThrottledException}, it is repeated after a short random
 * delay, together with the callers of the key that arrive in the meantime. The callers fail with that exception when
 * half of their timeout has passed. Calls for other keys are not affected.
 *
 * <p>Batches, peeks, refunds, blocks, resets and requests under several policies are not coalesced, but repeated if
 * the store throttles them.
 */
public final class Coalescer extends ForwardingBackend {

    private static final Duration SHORTEST_TIMEOUT = Duration.ofMillis(1);
    private static final int NANOS_PER_MICRO = 1_000;

    private final long timeoutNanos;
    private final ConcurrentHashMap<KeyQueue.Name, KeyQueue> queues = new ConcurrentHashMap<>();
    private final KeyQueue.Store shared = new SharedStore();
    private final ThrottledCalls throttled;
    private final Scheduler scheduler;
    private final LongAdder decisions = new LongAdder();
    private final LongAdder calls = new LongAdder();

    /**
     * Creates a coalescer.
     *
     * @param backend decides
     * @param timeout how long a caller waits behind a running call, 1 ms or more; usually the deadline of calls
     * @throws IllegalArgumentException if the timeout is too short
     */
    public Coalescer(RateLimitBackend backend, Duration timeout) {
        this(backend, timeout, new ThrottledCalls(), Scheduler.SYSTEM);
    }

    Coalescer(RateLimitBackend backend, Duration timeout, ThrottledCalls throttled, Scheduler scheduler) {
        super(backend);
        if (timeout.compareTo(SHORTEST_TIMEOUT) < 0) {
            throw new IllegalArgumentException("The deadline is " + timeout + "; write 1ms or more.");
        }
        this.timeoutNanos = NANOS_PER_MICRO * Micros.of(timeout);
        this.throttled = throttled;
        this.scheduler = scheduler;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        KeyQueue.Name name = new KeyQueue.Name(policy, key);
        KeyQueue fresh = new KeyQueue(shared, name, scheduler.nanoTime());
        KeyQueue found = queues.putIfAbsent(name, fresh);
        if (found == null) {
            return fresh.callAlone(permits);
        }
        KeyQueue.Caller caller = new KeyQueue.Caller(permits, fresh.calledAt());
        while (found != null && !found.join(caller)) {
            // A queue that cannot be joined was closed by its last answer, or by a caller that passed a stuck call.
            found = queues.replace(name, found, fresh) ? null : queues.putIfAbsent(name, fresh);
        }
        if (found == null) {
            fresh.callFor(List.of(caller));
        } else if (found.isStuck(caller)) {
            passStuckCall(found, name);
        }
        return caller.answer();
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return repeated(policy, () -> delegate().acquireBatch(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        long shortest = requests.stream()
                .mapToLong(request -> shared.timeoutNanos(request.policy()))
                .min()
                .orElse(timeoutNanos);
        return throttled.repeated(shortest, () -> delegate().acquireAll(requests));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return repeated(policy, () -> delegate().peek(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return repeated(policy, () -> delegate().usage(policy, key));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return repeated(policy, () -> delegate().refund(policy, key, permits, chargedAtMicros));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return repeated(policy, () -> delegate().block(policy, key, micros));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return repeated(policy, () -> delegate().reset(policy, key));
    }

    private <T> CompletionStage<T> repeated(Policy policy, Supplier<CompletionStage<T>> call) {
        return throttled.repeated(shared.timeoutNanos(policy), call);
    }

    private void passStuckCall(KeyQueue stuck, KeyQueue.Name name) {
        List<KeyQueue.Caller> callers = stuck.close();
        if (!callers.isEmpty()) {
            KeyQueue fresh = new KeyQueue(shared, name, scheduler.nanoTime());
            queues.replace(name, stuck, fresh);
            fresh.callFor(callers);
        }
    }

    private final class SharedStore implements KeyQueue.Store {

        @Override
        public RateLimitBackend backend() {
            return delegate();
        }

        @Override
        public void countCall(int callers) {
            decisions.add(callers);
            calls.increment();
        }

        @Override
        public long nanoTime() {
            return scheduler.nanoTime();
        }

        @Override
        public ThrottledCalls throttled() {
            return throttled;
        }

        /** A deadline of zero means that the caller does not wait; its call is coalesced like any other. */
        @Override
        public long timeoutNanos(Policy policy) {
            Duration own = policy.deadline();
            return own == null || own.isZero() ? timeoutNanos : NANOS_PER_MICRO * Micros.of(own);
        }

        @Override
        public void remove(KeyQueue queue) {
            queues.remove(queue.name(), queue);
        }
    }

    /** Returns the number of keys with a running call. */
    int queues() {
        return queues.size();
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.coalescing(new LimiterStats.Coalescing(decisions.sum(), calls.sum()));
        super.collectStats(stats);
    }
}
