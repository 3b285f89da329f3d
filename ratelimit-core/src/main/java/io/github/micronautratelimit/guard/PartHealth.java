package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.PermitRequest;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The circuit breaker of one part of a store, from the first failed call until the part answers again. Safe for use by
 * any number of threads.
 */
final class PartHealth {

    /** The calls that the breaker looks at; it opens if half of them have failed. */
    static final int WINDOW = 20;
    /** The most keys that are remembered for probes. */
    static final int MAX_PROBES = 3;

    private final String name;
    private final Runnable onTransition;
    private final long begunNanos;
    /** The latest failed requests of different keys, latest last. */
    private final Deque<PermitRequest> latest = new ArrayDeque<>(MAX_PROBES);

    private volatile CircuitBreaker breaker;
    private long failures;
    private long failuresBeforeRound = 1;
    private boolean probed;
    private boolean inOutage;
    private long outageBegunNanos;
    private long chargedBeforeOutage;

    /**
     * Creates the health of a part with a closed breaker.
     *
     * @param onTransition runs after each transition of the breaker
     * @param now          the time of the first failed call, by the monotonic clock
     */
    PartHealth(String name, Runnable onTransition, long now) {
        this.name = name;
        this.begunNanos = now;
        this.onTransition = onTransition;
        this.breaker = observed(newBreaker(name));
    }

    /** Creates a closed breaker that opens at the 10th failure among the last 20 calls, even if these are the first. */
    static CircuitBreaker newBreaker(String name) {
        CircuitBreaker breaker = CircuitBreaker.of(
                name,
                CircuitBreakerConfig.custom()
                        .slidingWindowSize(WINDOW)
                        .minimumNumberOfCalls(WINDOW)
                        .failureRateThreshold(50)
                        .permittedNumberOfCallsInHalfOpenState(1)
                        .build());
        for (int i = 0; i < WINDOW; i++) {
            breaker.onSuccess(0, TimeUnit.NANOSECONDS);
        }
        return breaker;
    }

    private CircuitBreaker observed(CircuitBreaker made) {
        made.getEventPublisher().onStateTransition(transition -> onTransition.run());
        return made;
    }

    String name() {
        return name;
    }

    State state() {
        return breaker.getState();
    }

    /** Returns whether requests call this part. Requests never probe, so a half-open breaker counts as open. */
    boolean isClosed() {
        return state() == State.CLOSED;
    }

    /** Returns whether permits may be charged to this part: requests call it, or it has just answered a probe. */
    boolean isCharged() {
        return state() != State.OPEN;
    }

    synchronized void succeeded() {
        if (isClosed()) {
            breaker.onSuccess(0, TimeUnit.NANOSECONDS);
        }
    }

    /**
     * Records a failed call.
     *
     * @param counts whether the breaker counts it; otherwise only the next probe judges this part
     */
    synchronized void failed(PermitRequest request, Throwable failure, boolean counts) {
        failures++;
        latest.removeIf(other -> other.key().equals(request.key()));
        if (latest.size() == MAX_PROBES) {
            latest.removeFirst();
        }
        latest.addLast(request);
        if (counts && isClosed()) {
            breaker.onError(0, TimeUnit.NANOSECONDS, failure);
        }
    }

    synchronized List<PermitRequest> latestFailed() {
        return List.copyOf(latest);
    }

    boolean isOlderThan(Duration age, long now) {
        return now - begunNanos >= age.toNanos();
    }

    /** Returns whether a round has to find out if this part answers. */
    synchronized boolean needsProbe() {
        return !isClosed() || !probed || failures != failuresBeforeRound;
    }

    synchronized void beginProbe() {
        probed = true;
        if (state() == State.OPEN) {
            breaker.transitionToHalfOpenState();
        }
    }

    /** Opens the breaker, unless it is open. */
    synchronized void open() {
        if (state() != State.OPEN) {
            breaker.transitionToOpenState();
        }
    }

    /** Closes a half-open breaker, which then counts calls from the start. */
    synchronized void close() {
        if (state() == State.HALF_OPEN) {
            breaker.transitionToClosedState();
            breaker = observed(newBreaker(name));
        }
    }

    /** Begins an outage. Returns {@code false} if one is on. */
    synchronized boolean beginOutage(long charged, long now) {
        if (inOutage) {
            return false;
        }
        inOutage = true;
        outageBegunNanos = now;
        chargedBeforeOutage = charged;
        return true;
    }

    synchronized boolean inOutage() {
        return inOutage;
    }

    synchronized Duration outage(long now) {
        return Duration.ofNanos(now - outageBegunNanos);
    }

    synchronized long chargedSinceOutage(long charged) {
        return charged - chargedBeforeOutage;
    }

    /** Returns whether calls go to this part and none has failed since the last round. Begins the next round. */
    synchronized boolean endRound() {
        boolean calm = isClosed() && failures == failuresBeforeRound;
        failuresBeforeRound = failures;
        return calm;
    }
}
