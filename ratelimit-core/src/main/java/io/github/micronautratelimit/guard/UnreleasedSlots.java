package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.IdleStoppingWorker;
import io.github.micronautratelimit.internal.Scheduler;
import java.time.Duration;
import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Slots whose release the store has not confirmed. The release is sent again until the store confirms it, or the lease
 * would have expired anyway. To release a slot twice changes nothing.
 *
 * <p>One thread makes a round every {@value #ROUND_MILLIS} ms while there are slots, with at most {@value #IN_FLIGHT}
 * calls at a time, so that recovery does not flood the store. While the circuit breaker is open, the guarded call
 * fails without a call to the store. At most {@value #MAX_SLOTS} slots are recorded; further ones are free one lease
 * time later.
 */
final class UnreleasedSlots {

    static final int MAX_SLOTS = 10_000;

    private static final int IN_FLIGHT = 64;
    private static final int ROUND_MILLIS = 100;
    private static final long ROUND_NANOS = Duration.ofMillis(ROUND_MILLIS).toNanos();
    private static final int NANOS_PER_MICRO = 1_000;

    /** A holder of a slot. */
    record Slot(Policy policy, String key, UUID holder) {}

    private final Scheduler scheduler;
    private final Function<Slot, CompletionStage<?>> release;
    private final Map<Slot, Retry> retries = new ConcurrentHashMap<>();
    private final AtomicInteger inFlight = new AtomicInteger();
    private final IdleStoppingWorker worker;
    /** Goes on where the last round stopped, so that slots whose calls fail do not delay the others. */
    private Iterator<Map.Entry<Slot, Retry>> next = retries.entrySet().iterator();

    private volatile boolean closed;

    /** When the lease has surely expired, by the monotonic clock, and whether a call is under way. */
    private record Retry(long expiresAtNanos, AtomicBoolean underWay) {}

    /**
     * Creates an empty record.
     *
     * @param name      the name of the store, for the thread
     * @param scheduler provides the clock and the thread
     * @param release   sends a release; its stage fails if the store has not confirmed it
     */
    UnreleasedSlots(String name, Scheduler scheduler, Function<Slot, CompletionStage<?>> release) {
        this.scheduler = scheduler;
        this.release = release;
        this.worker = new IdleStoppingWorker(
                "ratelimit-releases-" + name, () -> !retries.isEmpty() && !closed, this::round, scheduler);
    }

    /** Records a slot whose release has failed. */
    void add(Slot slot) {
        if (closed || retries.size() >= MAX_SLOTS) {
            return;
        }
        long leaseNanos = slot.policy.requireConcurrency().leaseMicros() * NANOS_PER_MICRO;
        retries.putIfAbsent(slot, new Retry(scheduler.nanoTime() + leaseNanos, new AtomicBoolean()));
        worker.start();
    }

    int size() {
        return retries.size();
    }

    /** Ends the retries. */
    void close() {
        closed = true;
        retries.clear();
    }

    private long round(long now) {
        next = next.hasNext() ? next : retries.entrySet().iterator();
        while (inFlight.get() < IN_FLIGHT && next.hasNext()) {
            Map.Entry<Slot, Retry> entry = next.next();
            if (now - entry.getValue().expiresAtNanos >= 0) {
                retries.remove(entry.getKey());
            } else if (entry.getValue().underWay.compareAndSet(false, true)) {
                send(entry.getKey(), entry.getValue().underWay);
            }
        }
        return ROUND_NANOS;
    }

    private void send(Slot slot, AtomicBoolean underWay) {
        inFlight.incrementAndGet();
        Futures.call(() -> release.apply(slot)).whenComplete((done, failure) -> {
            underWay.set(false);
            if (failure == null) {
                retries.remove(slot);
            }
            if (inFlight.decrementAndGet() == 0 && failure == null) {
                worker.wakeUp();
            }
        });
    }
}
