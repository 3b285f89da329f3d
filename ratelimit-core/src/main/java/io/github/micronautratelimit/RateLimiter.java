package io.github.micronautratelimit;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.micronautratelimit.internal.Futures;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

/**
 * Decides whether callers may proceed, and notifies listeners of the decisions.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.inMemory();            // or RateLimiter.builder(backend).build()
 * Decision decision = limiter.tryAcquire(Policy.of("api", "100/min"), "alice");
 * if (decision instanceof Decision.Denied denied) { ... denied.retryAfter() ... }
 * }</pre>
 *
 * <p>{@code tryAcquire} takes permits, which are spent and come back with time. {@code lease} also takes a slot of each
 * concurrency limit, which is held until the {@link Lease} is closed. A key is any text, and permits are 0 or more; a
 * negative number, and a policy that has no rate limits to take permits of, throw an {@link IllegalArgumentException}.
 *
 * <p>The methods here wait for the answer of the backend; only {@code acquire} waits for permits too. On an event loop,
 * use {@link #async()}, which has the details. If the backend fails, they throw a {@link RateLimitBackendException};
 * behind a guard, the {@link OnError} of the policy decides instead. Safe for use by any number of threads.
 */
public final class RateLimiter implements AutoCloseable {

    private final AsyncRateLimiter async;
    private final Runnable returnPrefetched;

    RateLimiter(AsyncRateLimiter async, Runnable returnPrefetched) {
        this.async = async;
        this.returnPrefetched = returnPrefetched;
    }

    /**
     * Assembles a limiter on a backend, in memory or on a store.
     *
     * @param backend decides; closed with the limiter
     * @return a builder with useful defaults
     */
    public static RateLimiterBuilder builder(RateLimitBackend backend) {
        return new RateLimiterBuilder(backend);
    }

    /** {@return a new limiter for this process alone, with the memory as its backend and without listeners} */
    public static RateLimiter inMemory() {
        return RateLimiterBuilder.inMemory();
    }

    /** {@return the same verbs as stages; always the same object} */
    public AsyncRateLimiter async() {
        return async;
    }

    /**
     * Creates a limiter on another backend without layers, with the listeners, counters and key secret of this one.
     *
     * @param other decides, usually a backend in memory
     * @return a limiter beside this one
     */
    public RateLimiter over(RateLimitBackend other) {
        return new RateLimiter(async.over(other), () -> {});
    }

    /**
     * Takes one permit; see {@link #tryAcquire(Policy, String, long)}.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited; any text
     * @return the decision
     */
    @CheckReturnValue
    public Decision tryAcquire(Policy policy, String key) {
        return tryAcquire(policy, key, 1);
    }

    /**
     * Takes permits if every limit of the policy grants them now.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost
     * @return the decision
     */
    @CheckReturnValue
    public Decision tryAcquire(Policy policy, String key, long permits) {
        return async.tryAcquireBlocking(policy, key, permits);
    }

    /**
     * Takes permits, and waits in turn until they are free; see {@link AsyncRateLimiter#acquire}.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost
     * @param maxWait the longest time to wait, at most 1 hour
     * @return the decision; denied at once if the permits come later
     * @throws java.util.concurrent.CancellationException if the thread was interrupted; nothing is charged then
     */
    @CheckReturnValue
    public Decision acquire(Policy policy, String key, long permits, Duration maxWait) {
        return async.acquireBlocking(policy, key, permits, maxWait);
    }

    /**
     * Takes one permit or throws; see {@link #acquireOrThrow(Policy, String, long)}.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return the decision
     */
    public Decision.Allowed acquireOrThrow(Policy policy, String key) {
        return acquireOrThrow(policy, key, 1);
    }

    /**
     * Takes permits or throws.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited; any text
     * @param permits the cost, 0 or more
     * @return the decision
     * @throws RateLimitExceededException if a limit denied; it contains the decision
     */
    public Decision.Allowed acquireOrThrow(Policy policy, String key, long permits) {
        Decision decision = tryAcquire(policy, key, permits);
        if (decision instanceof Decision.Allowed allowed) {
            return allowed;
        }
        throw new RateLimitExceededException(
                new Decisions(List.of(new PermitRequest(policy, key, permits)), List.of(decision)));
    }

    /**
     * Takes permits under several policies, or none under any.
     *
     * @param requests the requests
     * @return the decisions
     */
    @CheckReturnValue
    public Decisions tryAcquireAll(List<PermitRequest> requests) {
        return await(async.tryAcquireAll(requests));
    }

    /**
     * Takes one permit and one slot; see {@link AsyncRateLimiter#lease}.
     *
     * @param policy the policy
     * @param key    the key
     * @return the lease; close it
     */
    @CheckReturnValue
    public Lease lease(Policy policy, String key) {
        return await(async.lease(policy, key));
    }

    /**
     * Takes permits and slots, or nothing at all; see {@link AsyncRateLimiter#leaseAll(List)}.
     *
     * @param requests the requests
     * @return the lease, which holds nothing if denied; close it
     */
    @CheckReturnValue
    public Lease leaseAll(List<PermitRequest> requests) {
        return await(async.leaseAll(requests));
    }

    /**
     * Returns the decision that a request would get now; see {@link AsyncRateLimiter#peek}.
     *
     * @param policy  the policy
     * @param key     the key
     * @param permits the cost
     * @return the decision
     */
    @CheckReturnValue
    public Decision peek(Policy policy, String key, long permits) {
        return await(async.peek(policy, key, permits));
    }

    /**
     * Gives back the permits that were taken last; see {@link AsyncRateLimiter#refund(Policy, String, long)}.
     *
     * @param policy  the policy
     * @param key     the key
     * @param permits the permits
     */
    public void refund(Policy policy, String key, long permits) {
        await(async.refund(policy, key, permits));
    }

    /**
     * Blocks a key for a time on all instances that share the store; see {@link AsyncRateLimiter#block}.
     *
     * @param policy   the policy
     * @param key      identifies the caller to block
     * @param duration 1 microsecond to 366 days; a fraction of a microsecond is cut off
     */
    public void block(Policy policy, String key, Duration duration) {
        await(async.block(policy, key, duration));
    }

    /**
     * Removes a key: all permits and slots are free and a block is lifted.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     */
    public void reset(Policy policy, String key) {
        await(async.reset(policy, key));
    }

    private static <T> T await(CompletionStage<T> stage) {
        return Futures.await(stage, RateLimitBackendException::of);
    }

    /**
     * Returns the hash of a key as it appears in events, logs and statistics.
     *
     * @param key identifies a caller
     * @return the same value as {@link RateLimitEvent#keyHash()} for this key
     */
    public String keyHash(String key) {
        return KeyHash.of(async.concealed(key));
    }

    /** {@return the decision counters, which count from the first call of this method on} */
    public DecisionCounts counts() {
        return async.counts();
    }

    /** {@return the present statistics of this limiter and its layers} */
    public LimiterStats stats() {
        return async.stats();
    }

    /** Refunds prefetched permits and prefetches no more, before a stop. Waits for the refunds, at most two seconds. */
    public void returnPrefetched() {
        returnPrefetched.run();
    }

    /** Refunds prefetched permits, then closes the layers and the backend. Later calls fail or are decided locally. */
    @Override
    public void close() {
        returnPrefetched();
        async.close();
    }
}
