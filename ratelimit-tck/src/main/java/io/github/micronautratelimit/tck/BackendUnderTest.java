package io.github.micronautratelimit.tck;

import java.time.Duration;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * A store and the callers that share it, as the contract suite sees them. Whoever writes a backend implements this once
 * in its tests.
 *
 * <p>The suite opens one per test case, and for properties one per try, more than a thousand in all: what is dear to
 * start, like a server, belongs into a static field, and only what is cheap into the instance. All of them may look at
 * the same store: the names of policies are never used twice, not even by another run.
 */
public interface BackendUnderTest extends AutoCloseable {

    /**
     * One more caller on the same store: what another instance of the application would be.
     *
     * @param clock tells the time of this caller's decisions, instead of the store's clock. State must outlive the
     *              time the suite takes to run even if little or no time passes on this clock
     * @return a backend; the suite does not close it, {@link #close()} does
     */
    RateLimitBackend connect(MicroClock clock);

    /**
     * The messages sent to the store so far that waited for an answer, by all callers together.
     *
     * @return a count that only grows; 0 for a store without a wire
     */
    long roundTrips();

    /**
     * What one {@link RateLimitBackend#acquire} must cost: on first use of a key, when granted and when denied alike.
     *
     * @return round trips, 0 or more
     */
    long roundTripsPerDecision();

    /**
     * The keys the store holds now, of all policies and of all who share it.
     *
     * @return 0 or more
     */
    long liveKeys();

    /**
     * Lets time pass for the callers on this clock and for the store. A store that expires keys by a clock of its own
     * overrides this, moves the virtual clock, and waits until its keys have expired too. The suite passes at most
     * a few seconds.
     *
     * @param clock    the callers' clock
     * @param duration how much time is to pass
     */
    default void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
    }

    /**
     * Whether {@link RateLimitBackend#acquireAll} is one atomic step whatever the keys, so that a request that is
     * denied in the end was never seen to hold permits.
     *
     * @return {@code true} if it is; {@code false} if keys are asked in turn and what was taken is given back
     */
    default boolean atomicAcrossKeys() {
        return false;
    }

    /**
     * Whether {@link RateLimitBackend#block} is there. The default says so.
     *
     * @return {@code false} if the backend leaves it to refuse
     */
    default boolean blocksKeys() {
        return true;
    }

    /** Closes the callers, and what else this instance has opened. The default has nothing to close. */
    @Override
    default void close() {
    }
}
