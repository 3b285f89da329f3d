package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import java.time.Duration;

/**
 * A store and the instances that share it, as the contract suite sees them. The tests of a backend implement this
 * interface once.
 *
 * <p>The suite opens one for each test case, and for each try of a property: more than a thousand in all. Keep
 * expensive resources, such as a server, in a static field. All instances may use the same store, because the suite
 * never uses the name of a policy twice, not even in another run.
 */
public interface BackendUnderTest extends AutoCloseable {

    /**
     * Connects another instance of the application to the same store.
     *
     * @param clock provides the time of decisions, instead of the clock of the store. Keys must not expire while the
     *              suite runs, even if no time passes on this clock
     * @return a backend; {@link #close()} closes it, not the suite
     */
    RateLimitBackend connect(MicroClock clock);

    /**
     * Returns the round trips to the store so far, of all instances together.
     *
     * @return a count that only grows; 0 for a store without a network
     */
    long roundTrips();

    /**
     * Returns the cost of one {@link RateLimitBackend#acquire}. It is the same for the first use of a key, a grant and
     * a denial.
     *
     * @return round trips, 0 or more
     */
    long roundTripsPerDecision();

    /**
     * Returns the number of keys that the store contains now, of all policies and instances.
     *
     * @return 0 or more
     */
    long liveKeys();

    /**
     * Lets time pass for the instances on a clock and for the store. The default moves the clock. A store that expires
     * keys by its own clock also waits until these keys have expired.
     *
     * @param clock    the clock of the instances
     * @param duration the time to pass, at most a few seconds
     */
    default void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
    }

    /**
     * Returns whether {@link RateLimitBackend#acquireAll} is one atomic step for any keys, so that other callers never
     * see the permits of a request that is denied in the end.
     *
     * @return {@code false} if the backend acquires one request after the other and refunds after a denial
     */
    default boolean atomicAcrossKeys() {
        return false;
    }

    /**
     * Returns whether {@link RateLimitBackend#block} is supported. The default is {@code true}.
     *
     * @return {@code false} if the backend does not override it
     */
    default boolean blocksKeys() {
        return true;
    }

    /**
     * Returns whether {@link RateLimitBackend#reserve} and {@link RateLimitBackend#settle} are supported. The default
     * is {@code true}.
     *
     * @return {@code false} if the backend does not override them
     */
    default boolean keepsReservations() {
        return true;
    }

    /**
     * Returns whether {@link RateLimitBackend#usage} is supported. The default is {@code true}.
     *
     * @return {@code false} if the backend does not override it
     */
    default boolean readsUsage() {
        return true;
    }

    /**
     * Returns whether {@link RateLimitBackend#sharedRecord} is supported. The default is {@code true}.
     *
     * @return {@code false} if the backend does not override it
     */
    default boolean keepsRecords() {
        return true;
    }

    /** Closes the connected backends and all that this instance has opened. The default does nothing. */
    @Override
    default void close() {}
}
