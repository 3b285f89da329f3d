package io.github.micronautratelimit;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
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
     * {@return a builder with useful defaults of a limiter on a backend, in memory or on a store}
     *
     * @param backend decides; closed with the limiter
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
     * {@return a limiter on another backend without layers, with the listeners, counters and key secret of this one}
     *
     * @param other decides, usually a backend in memory
     */
    public RateLimiter over(RateLimitBackend other) {
        return new RateLimiter(async.over(other), () -> {});
    }

    /**
     * {@return the decision on one permit; see {@link #tryAcquire(Policy, String, long)}}
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited; any text
     */
    @CheckReturnValue
    public Decision tryAcquire(Policy policy, String key) {
        return tryAcquire(policy, key, 1);
    }

    /**
     * {@return the decision on permits, which are taken if every limit of the policy grants them now}
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost
     */
    @CheckReturnValue
    public Decision tryAcquire(Policy policy, String key, long permits) {
        return async.tryAcquireBlocking(policy, key, permits);
    }

    /**
     * {@return the decision on permits, for which the thread waits in turn; see {@link AsyncRateLimiter#acquire}}
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost
     * @param maxWait the longest time to wait, at most 1 hour; denied at once if the permits come later
     * @throws java.util.concurrent.CancellationException if the thread was interrupted; nothing is charged then
     */
    @CheckReturnValue
    public Decision acquire(Policy policy, String key, long permits, Duration maxWait) {
        return async.acquireBlocking(policy, key, permits, maxWait);
    }

    /**
     * {@return the decision on one permit if it is granted; see {@link #acquireOrThrow(Policy, String, long)}}
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
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
     * {@return the decisions on permits under several policies, all of which are taken, or none}
     *
     * @param requests the requests
     */
    @CheckReturnValue
    public Decisions tryAcquireAll(List<PermitRequest> requests) {
        return await(async.tryAcquireAll(requests));
    }

    /**
     * {@return a lease of one permit and one slot, to be closed; see {@link AsyncRateLimiter#lease}}
     *
     * @param policy the policy
     * @param key    the key
     */
    @CheckReturnValue
    public Lease lease(Policy policy, String key) {
        return await(async.lease(policy, key));
    }

    /**
     * {@return a lease of all permits and slots, or of nothing; see {@link AsyncRateLimiter#leaseAll(List)}}
     *
     * @param requests the requests
     */
    @CheckReturnValue
    public Lease leaseAll(List<PermitRequest> requests) {
        return await(async.leaseAll(requests));
    }

    /**
     * {@return the decision that a request would get now; see {@link AsyncRateLimiter#peek}}
     *
     * @param policy  the policy
     * @param key     the key
     * @param permits the cost
     */
    @CheckReturnValue
    public Decision peek(Policy policy, String key, long permits) {
        return await(async.peek(policy, key, permits));
    }

    /**
     * {@return how much of each rate limit is used; see {@link AsyncRateLimiter#usage}}
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     */
    @CheckReturnValue
    public List<Limit.Usage> usage(Policy policy, String key) {
        return await(async.usage(policy, key));
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
     * {@return the hash of a key as it appears in events, logs and statistics; see {@link RateLimitEvent#keyHash()}}
     *
     * @param key identifies a caller
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
