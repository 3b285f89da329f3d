package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;

/**
 * Forwards every call to another backend. The base class of decorators: a subclass overrides the methods that it
 * changes and cannot forget to forward the others.
 *
 * <p>A subclass that changes {@link #acquire} usually changes {@link #acquireBlocking}, {@link #acquireBatch} and
 * {@link #acquireAll} too, because all of them take permits.
 */
public abstract class ForwardingBackend implements RateLimitBackend {

    private final RateLimitBackend delegate;

    /**
     * Creates a decorator.
     *
     * @param delegate receives the calls; closed with this
     */
    protected ForwardingBackend(RateLimitBackend delegate) {
        this.delegate = delegate;
    }

    /**
     * Returns the backend that receives the calls.
     *
     * @return always the same backend
     */
    protected final RateLimitBackend delegate() {
        return delegate;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return delegate.acquire(policy, key, permits);
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return delegate.acquireBlocking(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return delegate.acquireBatch(policy, key, permits);
    }

    /**
     * Decides several requests by one {@link #acquire} each, for subclasses that change it.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost of each request, 0 or more
     * @return one decision per request in the same order
     */
    protected final CompletionStage<List<Decision>> acquireOneByOne(Policy policy, String key, List<Long> permits) {
        return RateLimitBackend.super.acquireBatch(policy, key, permits);
    }

    /**
     * Waits for the stage of {@link #acquire}, for subclasses that change it.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost, 0 or more
     * @return the decision
     */
    protected final Decision awaitAcquire(Policy policy, String key, long permits) {
        return RateLimitBackend.super.acquireBlocking(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        return delegate.acquireAll(requests);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return delegate.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return delegate.usage(policy, key);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return delegate.refund(policy, key, permits, chargedAtMicros);
    }

    @Override
    public CompletionStage<Void> refundFallback(Policy policy, String key, long permits, long chargedAtMicros) {
        return delegate.refundFallback(policy, key, permits, chargedAtMicros);
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return delegate.reserve(policy, key, id, permits, ttlMicros);
    }

    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return delegate.settle(policy, key, receipt, actual);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return delegate.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return delegate.reset(policy, key);
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return delegate.concurrency();
    }

    @Override
    public SharedRecord sharedRecord(String name) {
        return delegate.sharedRecord(name);
    }

    @Override
    public String partition(Policy policy, String key) {
        return delegate.partition(policy, key);
    }

    @Override
    public Duration deadline() {
        return delegate.deadline();
    }

    @Override
    public boolean isLocal() {
        return delegate.isLocal();
    }

    @Override
    public boolean prefersCoalescing() {
        return delegate.prefersCoalescing();
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        delegate.collectStats(stats);
    }

    @Override
    public void together(Runnable calls) {
        delegate.together(calls);
    }

    @Override
    public void close() {
        delegate.close();
    }
}
