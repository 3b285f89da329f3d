package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.StoreThrottledException;
import io.github.micronautratelimit.internal.IdleStoppingWorker;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tracks which parts of a store can be called, and ends outages. A part is what
 * {@link RateLimitBackend#partition(Policy, String)} names; most stores are one part.
 *
 * <p><em>Breaker.</em> Each part has one. It opens at the 10th failure among the last {@value PartHealth#WINDOW} calls,
 * or if a call has failed and no probe is answered afterwards. Requests never probe. A part without a failed call is
 * not tracked, so a healthy store costs nothing here. A {@link StoreThrottledException} does not count, because it
 * concerns one key.
 *
 * <p><em>Rounds.</em> The first failed call starts a thread, which makes a round every half second until all is well. A
 * round probes the parts whose calls have failed since the last one, with keys of the failed calls. If a part answers,
 * the round charges unsettled permits, for at most half a second, and then closes its breaker. Later rounds charge the
 * rest. A part is well after a round in which no call failed, its breaker was closed and no charge was left.
 *
 * <p><em>Outage.</em> It begins when a breaker opens, and ends when all parts are well.
 */
final class StoreHealth {

    private static final Logger LOG = LoggerFactory.getLogger(StoreHealth.class);

    private static final Duration ROUND = Duration.ofMillis(500);
    /** Bounds the memory if a backend names more parts than a store can have. */
    private static final int MAX_PARTS = 1_000;

    private final String name;
    private final RateLimitBackend store;
    private final UnsettledCharges unsettled;
    private final Scheduler scheduler;
    private final long deadlineNanos;
    private final IdleStoppingWorker recovery;
    /** The parts that are not well. */
    private final Map<String, PartHealth> troubled = new ConcurrentHashMap<>();

    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong permanentFailures = new AtomicLong();
    private final LongAdder transitions = new LongAdder();
    private volatile int partsInOutage;
    private volatile boolean closed;
    private volatile long roundDueNanos;
    private long earlierOutagesNanos;
    private long outageBegunNanos;

    StoreHealth(
            String name, RateLimitBackend store, Duration deadline, UnsettledCharges unsettled, Scheduler scheduler) {
        this.name = name;
        this.store = store;
        this.unsettled = unsettled;
        this.scheduler = scheduler;
        this.deadlineNanos = deadline.toNanos();
        this.recovery = new IdleStoppingWorker(
                "ratelimit-recovery-" + name, () -> !troubled.isEmpty() && !closed, this::recoverWhenDue, scheduler);
    }

    /** Returns whether on-error decides for a part of the store. */
    boolean inOutage() {
        return partsInOutage > 0;
    }

    /** Returns whether no call has failed lately and all permits are charged. */
    boolean isSettled() {
        return closed || troubled.isEmpty();
    }

    LimiterStats.Store stats() {
        return new LimiterStats.Store(
                name,
                breaker().name(),
                transitions.sum(),
                inOutage(),
                Duration.ofNanos(outageNanos()),
                failures.get(),
                permanentFailures.get(),
                unsettled.uncharged());
    }

    /** Returns the state of the breaker that lets the fewest calls pass. */
    private State breaker() {
        State worst = State.CLOSED;
        for (PartHealth part : troubled.values()) {
            State state = part.state();
            worst = worst == State.CLOSED || state == State.OPEN ? state : worst;
        }
        return worst;
    }

    /** Returns the total duration of all outages, including the present one. */
    private synchronized long outageNanos() {
        return earlierOutagesNanos + (inOutage() ? scheduler.nanoTime() - outageBegunNanos : 0);
    }

    /** Returns whether calls go to all parts of the store. */
    boolean isCallingStore() {
        return troubled.values().stream().allMatch(PartHealth::isClosed);
    }

    /** Returns whether a call for these requests goes to the store. */
    boolean isCallingStore(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            if (!isCallingStore(request.policy(), request.key())) {
                return false;
            }
        }
        return true;
    }

    /** Returns whether a call for this key goes to the store. */
    boolean isCallingStore(Policy policy, String key) {
        if (troubled.isEmpty()) {
            return true;
        }
        PartHealth part = troubled.get(partOf(policy, key));
        return part == null || part.isClosed();
    }

    private String partOf(Policy policy, String key) {
        try {
            return store.partition(policy, key);
        } catch (RuntimeException e) {
            LOG.debug("The rate limit store \"{}\" cannot name the part of a key.", name, e);
            return RateLimitBackend.WHOLE_STORE;
        }
    }

    void succeeded(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            succeeded(request.policy(), request.key());
        }
    }

    void succeeded(Policy policy, String key) {
        if (troubled.isEmpty()) {
            return;
        }
        PartHealth part = troubled.get(partOf(policy, key));
        if (part != null) {
            part.succeeded();
        }
    }

    void failed(List<PermitRequest> requests, Throwable failure) {
        if (failure instanceof NonRetryableStoreException) {
            logPermanent(failure);
            return;
        }
        failures.incrementAndGet();
        Map<String, PermitRequest> parts = new LinkedHashMap<>();
        requests.forEach(request -> parts.putIfAbsent(partOf(request.policy(), request.key()), request));
        // The failure of a call to several parts does not say which of them failed. Probes do.
        boolean counts = parts.size() == 1 && !(failure instanceof StoreThrottledException);
        parts.forEach((part, request) -> track(part, request, failure, counts));
    }

    /** Adds the failure atomically with the removal of parts that are well, so that none is lost. */
    private void track(String part, PermitRequest request, Throwable failure, boolean counts) {
        if (closed || troubled.size() >= MAX_PARTS && !troubled.containsKey(part)) {
            return;
        }
        if (troubled.isEmpty()) {
            roundDueNanos = scheduler.nanoTime() + ROUND.toNanos();
        }
        troubled.compute(part, (same, known) -> {
            PartHealth health =
                    known == null ? new PartHealth(part, transitions::increment, scheduler.nanoTime()) : known;
            health.failed(request, failure, counts);
            if (!health.isClosed()) {
                beginOutage(health, failure);
            }
            return health;
        });
        recovery.start();
    }

    private void beginOutage(PartHealth part, Throwable failure) {
        if (!part.beginOutage(unsettled.charged(), scheduler.nanoTime())) {
            return;
        }
        // Logged before anybody can see the open breaker or the outage, so that whoever sees them also finds the line.
        LOG.warn(
                "The rate limit store \"{}\" does not answer{}. The on-error setting of each policy decides until it "
                        + "answers: {}",
                name,
                part.name().isEmpty() ? "" : " for the keys on " + part.name(),
                failure.toString());
        part.open();
        synchronized (this) {
            outageBegunNanos = inOutage() ? outageBegunNanos : scheduler.nanoTime();
            partsInOutage += closed ? 0 : 1;
        }
    }

    private void endOutage(PartHealth part) {
        // Logged before the outage is over, so that whoever sees the end also finds its line in the log.
        LOG.info(
                "The rate limit store \"{}\" decides again{} after {} ms. {} permits that were granted locally have "
                        + "been charged to it.",
                name,
                part.name().isEmpty() ? "" : " for the keys on " + part.name(),
                part.outage(scheduler.nanoTime()).toMillis(),
                part.chargedSinceOutage(unsettled.charged()));
        synchronized (this) {
            if (inOutage() && --partsInOutage == 0) {
                earlierOutagesNanos += scheduler.nanoTime() - outageBegunNanos;
            }
        }
    }

    /** Logs at powers of ten, so that a failure of every call does not fill the log. */
    private void logPermanent(Throwable failure) {
        long count = permanentFailures.incrementAndGet();
        if (isPowerOfTen(count)) {
            LOG.error(
                    "The rate limit store \"{}\" cannot execute a call. The on-error setting of the policy decided; {} "
                            + "such calls so far.",
                    name,
                    count,
                    failure);
        }
    }

    private static boolean isPowerOfTen(long count) {
        long rest = count;
        while (rest % 10 == 0) {
            rest /= 10;
        }
        return rest == 1;
    }

    private long recoverWhenDue(long now) {
        if (now - roundDueNanos < 0) {
            return roundDueNanos - now;
        }
        if (!troubled.isEmpty() && !closed) {
            recover();
            roundDueNanos = scheduler.nanoTime() + ROUND.toNanos();
        }
        return ROUND.toNanos();
    }

    private void recover() {
        long now = scheduler.nanoTime();
        List<PartHealth> parts = troubled.values().stream()
                .filter(part -> part.isOlderThan(ROUND, now))
                .toList();
        try {
            unsettled.removeRefilled();
            probe(parts);
            boolean charged = unsettled.charge(
                    store,
                    this::isCharged,
                    ROUND.toNanos(),
                    deadlineNanos,
                    (request, failure) -> track(partOf(request.policy(), request.key()), request, failure, false));
            parts.stream().filter(part -> !part.isClosed() && part.isCharged()).forEach(part -> {
                if (charged) {
                    part.close();
                } else {
                    part.open();
                }
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.error("The rate limit store \"{}\" could not be probed. Retrying.", name, e);
        }
        Set<String> uncharged = unsettled.parts(this::partOf);
        parts.forEach(part -> removeIfWell(part, uncharged));
    }

    private boolean isCharged(Policy policy, String key) {
        PartHealth part = troubled.get(partOf(policy, key));
        return part == null || part.isCharged();
    }

    private void probe(List<PartHealth> parts) throws InterruptedException {
        Map<PartHealth, Probe> probes = new LinkedHashMap<>();
        for (PartHealth part : parts) {
            if (part.needsProbe()) {
                part.beginProbe();
                probes.put(part, Probe.send(store, part, this::partOf));
            }
        }
        long end = scheduler.nanoTime() + deadlineNanos;
        for (Map.Entry<PartHealth, Probe> probe : probes.entrySet()) {
            PartHealth part = probe.getKey();
            Throwable failure = probe.getValue().await(end, scheduler);
            if (failure != null && !closed) {
                beginOutage(part, failure);
                part.open();
            }
        }
    }

    private void removeIfWell(PartHealth part, Set<String> uncharged) {
        troubled.computeIfPresent(part.name(), (same, tracked) -> {
            boolean allCharged = uncharged.stream().allMatch(other -> !other.equals(same) && isOpen(other));
            if (!tracked.endRound() || !allCharged || closed) {
                return tracked;
            }
            if (tracked.inOutage()) {
                endOutage(tracked);
            }
            return null;
        });
    }

    /** Permits of a part that is still out are charged when it answers. */
    private boolean isOpen(String name) {
        PartHealth part = troubled.get(name);
        return part != null && !part.isClosed();
    }

    synchronized void close() {
        closed = true;
        if (inOutage()) {
            earlierOutagesNanos += scheduler.nanoTime() - outageBegunNanos;
            partsInOutage = 0;
        }
    }
}
