package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.SlotState;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Keeps the slots of concurrency limits: the second interface that a store implements, see
 * {@link RateLimitBackend#concurrency()}.
 *
 * <p>The rules of {@link RateLimitBackend} apply, and these:
 * <ul>
 *   <li>Each call is one atomic step on the holders of the key, by the clock of the store, and one round trip.
 *       {@link SlotState} defines the decision.</li>
 *   <li>A lease expires {@link ConcurrencyLimit#leaseMicros()} after the slot was last taken or renewed. From that
 *       microsecond on the slot is free. A key without holders is removed by itself.</li>
 *   <li>Calls are idempotent. To renew or release a slot that is not held changes nothing.</li>
 *   <li>Policies have a concurrency limit and no rate limits; callers have checked. The limit travels with each call
 *       and is not stored. A lowered limit takes no slot from its holder.</li>
 * </ul>
 * Safe for use by any number of threads.
 */
public interface ConcurrencyBackend {

    /**
     * Takes a slot if one is free. A holder that has a slot keeps it with a new lease.
     *
     * @param policy the limit and the name of its state
     * @param key    the key that the slots belong to
     * @param holder identifies the holder; unique among all instances
     * @return the decision: if allowed, with the slots that are still free; if denied, with the time until the first
     *         lease expires without renewal
     */
    CompletionStage<Decision> acquire(Policy policy, String key, UUID holder);

    /**
     * Renews the lease of a slot.
     *
     * @param policy the limit and the name of its state
     * @param key    the key that the slot belongs to
     * @param holder identifies the holder
     * @return whether the holder had a slot
     */
    CompletionStage<Boolean> renew(Policy policy, String key, UUID holder);

    /**
     * Frees a slot.
     *
     * @param policy the limit and the name of its state
     * @param key    the key that the slot belongs to
     * @param holder identifies the holder
     * @return completes when the slot is free
     */
    CompletionStage<Void> release(Policy policy, String key, UUID holder);

    /**
     * Returns the decision that a new holder would get, without taking a slot.
     *
     * @param policy the limit and the name of its state
     * @param key    the key that the slots belong to
     * @return the decision; if allowed, with the slots that are free before one is taken
     */
    CompletionStage<Decision> peek(Policy policy, String key);

    /**
     * Removes a key: all slots are free. Earlier holders learn of it with their next renewal.
     *
     * @param policy the policy
     * @param key    the key that the slots belong to
     * @return completes when the key is removed
     */
    CompletionStage<Void> reset(Policy policy, String key);

    /**
     * Returns the concurrency backend of a store that supports no concurrency limits.
     *
     * @param backend the class of the backend, named in the failures
     * @return fails every call with a {@link NonRetryableStoreException}
     */
    static ConcurrencyBackend unsupported(String backend) {
        NonRetryableStoreException failure = new NonRetryableStoreException(new UnsupportedOperationException(backend
                + " supports no concurrency limits; remove limits like \"5 concurrent\" or use another backend."));
        return new ConcurrencyBackend() {

            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(failure);
            }

            @Override
            public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(failure);
            }

            @Override
            public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
                return CompletableFuture.failedFuture(failure);
            }

            @Override
            public CompletionStage<Decision> peek(Policy policy, String key) {
                return CompletableFuture.failedFuture(failure);
            }

            @Override
            public CompletionStage<Void> reset(Policy policy, String key) {
                return CompletableFuture.failedFuture(failure);
            }
        };
    }
}
