package io.github.micronautratelimit;

import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Where a store keeps who holds a place under a concurrency limit: what {@link RateLimitBackend#leases()} gives.
 *
 * <p>The same rules hold as for a {@link RateLimitBackend}, and these:
 * <ul>
 *   <li>Each call is one atomic step on the key's holders, by the store's clock, and one round trip. {@link Places} says
 *       what is decided.</li>
 *   <li>A place is its holder's until {@link ConcurrencyLimit#leaseMicros()} after it was last taken or renewed, and
 *       nobody's from that microsecond on. A key without holders disappears by itself.</li>
 *   <li>A call that reaches the store twice does what it does once. To renew or release what is not held, or no longer,
 *       changes nothing.</li>
 *   <li>Policies have a concurrency limit, and no other: callers have seen to it. The limit comes with each call and is
 *       not stored: a lowered one takes nobody's place.</li>
 * </ul>
 * Safe for use by any number of threads.
 */
public interface LeaseBackend {

    /**
     * Takes a place, if one is free. Who holds one already keeps it, for a new lease time.
     *
     * @param policy the limit and the name it is remembered by
     * @param key    what the places belong to
     * @param holder who is to hold the place; nobody else has this number
     * @return the decision: if granted, with the places still free, else with the time until the first of those taken
     *         would come free without renewal
     */
    CompletionStage<Decision> acquire(Policy policy, String key, UUID holder);

    /**
     * Keeps a place for a new lease time.
     *
     * @param policy the limit and the name it is remembered by
     * @param key    what the place belongs to
     * @param holder who holds it
     * @return whether it was held
     */
    CompletionStage<Boolean> renew(Policy policy, String key, UUID holder);

    /**
     * Gives a place back.
     *
     * @param policy the limit and the name it is remembered by
     * @param key    what the place belongs to
     * @param holder who holds it
     * @return completes when done
     */
    CompletionStage<Void> release(Policy policy, String key, UUID holder);

    /**
     * How the key stands.
     *
     * @param policy the limit and the name it is remembered by
     * @param key    what the places belong to
     * @return what a new holder would be answered; if granted, with the places that are free before one is taken
     */
    CompletionStage<Decision> peek(Policy policy, String key);

    /**
     * Forgets a key: every place is free. Who held one is told at the next renewal.
     *
     * @param policy the name
     * @param key    what the places belong to
     * @return completes when done
     */
    CompletionStage<Void> reset(Policy policy, String key);

    /**
     * What a backend has that keeps no places: everything fails with a {@link RateLimitDefectException}.
     *
     * @param backend the backend
     * @return never grants anything
     */
    static LeaseBackend none(RateLimitBackend backend) {
        RateLimitDefectException defect = new RateLimitDefectException(new UnsupportedOperationException(
                backend.getClass().getSimpleName() + " keeps no places, so there are no limits like \"5 concurrent\" with it."));
        return new LeaseBackend() {

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(defect);
            }

            @Override
            public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(defect);
            }

            @Override
            public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(defect);
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key) {
                return CompletableFuture.failedFuture(defect);
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return CompletableFuture.failedFuture(defect);
            }
        };
    }
}
