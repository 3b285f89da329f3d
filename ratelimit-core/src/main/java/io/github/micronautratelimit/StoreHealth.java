package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;

/**
 * Whether a store can be asked.
 *
 * <p>The breaker opens when half of the last {@value #WINDOW} calls failed, and of no fewer than {@value #LEAST_CALLS}.
 * With the first failure an outage begins, and a thread of its own: twice a second it asks the store, if the breaker is
 * open, for a permit nobody else uses. No request waits for that. When the store answers, it is first charged what was
 * granted without it, for at most half a second, and then the breaker closes; what is still owed is charged afterwards.
 * The outage ends after half a second without a failure, and the thread with it.
 */
final class StoreHealth {

    private static final Logger LOG = LoggerFactory.getLogger(Guard.class);

    private static final int WINDOW = 20;
    private static final int LEAST_CALLS = 10;
    private static final Duration ROUND = Duration.ofMillis(500);
    /** Writes to the store as any request does, and is forgotten there at once. */
    private static final Policy PROBE =
            new Policy("ratelimit-probe", List.of(Limit.parse("1000/s")), OnError.CLOSED);

    private final String name;
    private final RateLimitBackend store;
    private final Debts debts;
    private final long deadlineNanos;
    private final CircuitBreaker breaker;

    private final AtomicBoolean outage = new AtomicBoolean();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong defects = new AtomicLong();
    private final CountDownLatch closed = new CountDownLatch(1);
    private final LongAdder transitions = new LongAdder();
    private volatile String lastFailed = "";
    private long outagesBefore;
    private long outageBegun;

    StoreHealth(String name, RateLimitBackend store, Duration deadline, Debts debts) {
        this.name = name;
        this.store = store;
        this.debts = debts;
        this.deadlineNanos = deadline.toNanos();
        this.breaker = newBreaker(name);
        breaker.getEventPublisher().onStateTransition(transition -> transitions.increment());
    }

    static CircuitBreaker newBreaker(String name) {
        return CircuitBreaker.of(name, CircuitBreakerConfig.custom()
                .slidingWindowSize(WINDOW).minimumNumberOfCalls(LEAST_CALLS).failureRateThreshold(50)
                .permittedNumberOfCallsInHalfOpenState(1).build());
    }

    CircuitBreaker breaker() {
        return breaker;
    }

    boolean inOutage() {
        return outage.get();
    }

    long failures() {
        return failures.get();
    }

    long transitions() {
        return transitions.sum();
    }

    /** How long outages have lasted, the present one included. */
    synchronized long outageNanos() {
        return outagesBefore + (inOutage() ? System.nanoTime() - outageBegun : 0);
    }

    private synchronized boolean begin() {
        boolean begins = outage.compareAndSet(false, true);
        if (begins) {
            outageBegun = System.nanoTime();
        }
        return begins;
    }

    private synchronized void end() {
        outagesBefore = outageNanos();
        outage.set(false);
    }

    long defects() {
        return defects.get();
    }

    /** Never asks the breaker for permission to try: trying is not left to requests. */
    boolean mayAsk() {
        State state = breaker.getState();
        return state == State.CLOSED || state == State.DISABLED || state == State.METRICS_ONLY;
    }

    void answered(long nanos) {
        breaker.onSuccess(nanos, TimeUnit.NANOSECONDS);
    }

    void failed(String key, long nanos, Throwable failure) {
        if (failure instanceof RateLimitDefectException) {
            logDefect(failure);
            return;
        }
        lastFailed = key;
        failures.incrementAndGet();
        breaker.onError(nanos, TimeUnit.NANOSECONDS, failure);
        startOutage(failure);
    }

    /** Unless one is on, or the guard is closed. */
    private void startOutage(Throwable failure) {
        if (!inOutage() && closed.getCount() > 0 && begin()) {
            LOG.warn("The rate limit store \"{}\" cannot be asked, and each policy's on-error decides until it can: {}",
                    name, failure.toString());
            Thread recovery = new Thread(this::recover, "ratelimit-recovery-" + name);
            recovery.setDaemon(true);
            recovery.start();
        }
    }

    /** Every tenth time as often as before, so that a fault in every call does not fill the log. */
    private void logDefect(Throwable failure) {
        long count = defects.incrementAndGet();
        if (Long.toString(count).matches("10*")) {
            LOG.error("The rate limit store \"{}\" cannot do what it is asked; on-error decided instead, {} times so far.",
                    name, count, failure);
        }
    }

    private void recover() {
        long begun = System.nanoTime();
        long chargedBefore = debts.charged();
        try {
            long calm;
            do {
                calm = awaitCalm();
                if (breaker.getState() == State.CLOSED) {
                    // Or what failed in this outage could open it later, at a call that succeeds, and nobody would close it.
                    breaker.reset();
                }
                end();
                // A failure that came just before is not left to nobody: it has begun no outage of its own.
            } while ((failures.get() != calm || !mayAsk() || !debts.isEmpty()) && begin());
            LOG.info("The rate limit store \"{}\" decides again, after {} ms; {} permits granted without it were charged "
                    + "to it.", name, Duration.ofNanos(System.nanoTime() - begun).toMillis(),
                    debts.charged() - chargedBefore);
        } catch (InterruptedException e) {
            end();
        }
    }

    /**
     * Does what is to be done about an outage until nothing is left to do.
     *
     * @return the failures there have been by then
     * @throws InterruptedException if the guard was closed
     */
    private long awaitCalm() throws InterruptedException {
        long before;
        do {
            before = failures.get();
            if (closed.await(ROUND.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new InterruptedException();
            }
            try {
                debts.tidy();
                if (mayAsk()) {
                    chargeDebts();
                } else if (breaker.getState() != State.FORCED_OPEN) {
                    tryToClose();
                }
            } catch (RuntimeException e) {
                LOG.error("The rate limit store \"{}\" could not be tried, and will be again.", name, e);
            }
        } while (failures.get() != before || !mayAsk() || !debts.isEmpty());
        return before;
    }

    private void tryToClose() throws InterruptedException {
        if (breaker.getState() == State.OPEN) {
            breaker.transitionToHalfOpenState();
        }
        if (answers() && chargeDebts()) {
            breaker.transitionToClosedState();
        } else {
            breaker.transitionToOpenState();
        }
    }

    private boolean chargeDebts() throws InterruptedException {
        return debts.charge(store, ROUND.toNanos(), deadlineNanos, this::startOutage);
    }

    private boolean answers() throws InterruptedException {
        CompletableFuture<Decision> answer =
                RateLimiter.called(() -> store.acquire(PROBE, lastFailed, 1)).toCompletableFuture();
        try {
            answer.get(deadlineNanos, TimeUnit.NANOSECONDS);
            return true;
        } catch (ExecutionException e) {
            return Listeners.unwrapped(e.getCause()) instanceof RateLimitDefectException;
        } catch (TimeoutException e) {
            answer.cancel(false);
            return false;
        }
    }

    void close() {
        closed.countDown();
    }
}
