package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import org.jspecify.annotations.Nullable;

/**
 * Where the state of keys lives: the interface a store implements to be a backend.
 *
 * <p>Every backend decides alike, to the microsecond: for the same sequence of instants and permits on a key it answers
 * what {@link Policy#stateAt} and {@link LimitState} decide. The contract suite in {@code ratelimit-tck} holds it to
 * that. The rules:
 * <ul>
 *   <li>A decision is one atomic step on the key's state. A denial changes nothing.</li>
 *   <li>The store's clock decides, where it has one.</li>
 *   <li>Limits come with each call and are not stored. A key disappears by itself once its state says nothing.</li>
 *   <li>Methods return at once and never block. A stage completes on any thread, exceptionally if the store failed;
 *       it never completes with {@code null}. A failure that is the fault of code or set-up and not of the store is a
 *       {@link RateLimitDefectException}. If the call may have been carried out all the same, because it was sent and the
 *       answer did not come, the failure is a {@link java.util.concurrent.TimeoutException}: after any other, what was
 *       granted without the store is charged to it later.</li>
 *   <li>Who has stopped waiting for a stage cancels it: what has not been sent yet need not be. So no two calls share a
 *       stage that is not complete.</li>
 *   <li>Permits are 0 or more: callers have checked. 0 is always granted and changes nothing.</li>
 *   <li>Keys may be any text of any length.</li>
 * </ul>
 * Implementations are safe for use by any number of threads.
 */
public interface RateLimitBackend extends AutoCloseable {

    /** How long callers wait for a backend that says nothing else: 100 ms. */
    Duration DEFAULT_DEADLINE = Duration.ofMillis(100);

    /**
     * Takes permits if every limit of the policy grants them.
     *
     * @param policy  the limits and the name they are remembered by
     * @param key     who is limited
     * @param permits the cost, 0 or more
     * @return the decision
     */
    CompletionStage<Decision> acquire(Policy policy, String key, long permits);

    /**
     * The same as {@link #acquire} for a caller who waits for the answer. A backend that needs no store overrides this
     * default, which waits for the stage, and simply answers.
     *
     * @param policy  the limits and the name they are remembered by
     * @param key     who is limited
     * @param permits the cost, 0 or more
     * @return the decision
     * @throws RateLimitBackendException if the store failed
     */
    default Decision acquireBlocking(Policy policy, String key, long permits) {
        return RateLimiter.await(RateLimiter.called(() -> acquire(policy, key, permits)));
    }

    /**
     * Decides several requests on one key, each on its own and in the order given: the same as {@link #acquire} for one
     * after the other, but a store that can tell them all at once overrides this default, which asks one by one. It
     * serves callers who wait for the same key at the same time.
     *
     * @param policy  the limits and the name they are remembered by
     * @param key     who is limited
     * @param permits what each request costs, 0 or more
     * @return one decision per request in the same order, each as it stood when that request was decided
     */
    default CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        CompletionStage<List<Decision>> decided = CompletableFuture.completedStage(new ArrayList<>(permits.size()));
        for (long cost : permits) {
            decided = decided.thenCompose(before -> acquire(policy, key, cost).thenApply(decision -> {
                before.add(decision);
                return before;
            }));
        }
        return decided;
    }

    /**
     * Takes permits under several policies, or none under any.
     *
     * <p>This default asks one policy after the other and gives back what it took when one denies: meanwhile other
     * callers may be denied, never over-admitted. A store that can decide in one atomic step overrides it.
     *
     * @param asks what is asked; nothing is granted, and the same policy and key asked for twice is charged twice
     * @return one decision per ask in the same order; if asked in turn, up to the first denial
     */
    default CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return new InTurn(this, asks).acquire();
    }

    /**
     * What {@link #acquire} would decide now, without taking anything.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits the cost to judge, 0 or more
     * @return the decision; if allowed, with the permits that are free before any are taken
     */
    CompletionStage<Decision> peek(Policy policy, String key, long permits);

    /**
     * Gives back the permits taken last: the inverse of {@link #acquire}.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits how many; more than were taken gives back what was taken
     * @return completes when done
     */
    CompletionStage<Void> refund(Policy policy, String key, long permits);

    /**
     * Blocks a key: until so much time has passed, every request for 1 permit or more is denied by all limits of the
     * policy, whatever they are by then. What is spent stays spent and comes back with time meanwhile; a refund gives back
     * as always. Of several blocks the one that ends last counts; {@link #reset} lifts them. The result is what
     * {@link LimitState#blockedUntil} makes of the key's state.
     *
     * <p>This default refuses.
     *
     * @param policy the policy
     * @param key    who is blocked
     * @param micros for how long, in microseconds from the store's present; 1 to {@link Limit#MAX_PERIOD}
     * @return completes when the key is blocked for everybody; exceptionally with a {@link RateLimitDefectException} if
     *         this backend cannot block
     */
    default CompletionStage<Void> block(Policy policy, String key, long micros) {
        return CompletableFuture.failedStage(new RateLimitDefectException(new UnsupportedOperationException(
                getClass().getName() + " does not block keys; override RateLimitBackend.block().")));
    }

    /**
     * Forgets a key: every permit is free again, and no block is left.
     *
     * @param policy the policy
     * @param key    who is limited
     * @return completes when done
     */
    CompletionStage<Void> reset(Policy policy, String key);

    /**
     * Where the places of concurrency limits are kept. The default keeps none: every call fails with a
     * {@link RateLimitDefectException}.
     *
     * @return the same for as long as the backend is open
     */
    default LeaseBackend leases() {
        return LeaseBackend.none(this);
    }

    /**
     * How long an answer is worth waiting for where nothing is configured. The default is {@link #DEFAULT_DEADLINE}; a
     * store that takes longer when all is well overrides it.
     *
     * @return 1 ms or more
     */
    default Duration deadline() {
        return DEFAULT_DEADLINE;
    }

    /**
     * How requests share calls to the store, for metrics. The default says that they do not.
     *
     * @return counts since the start; {@code null} if every request is a call
     */
    default LimiterStats.@Nullable Sharing sharing() {
        return null;
    }

    /** Releases what the backend itself has opened. The default has nothing to release. */
    @Override
    default void close() {
    }
}
