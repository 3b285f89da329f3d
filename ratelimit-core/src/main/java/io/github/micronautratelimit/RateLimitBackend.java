package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Keeps the state of keys and decides on it: the interface that a store implements.
 *
 * <p>All backends decide alike, to the microsecond: for the same sequence of instants and permits on a key they return
 * what {@link LimitState#carryOver} and {@link LimitState} define. The contract suite in {@code ratelimit-tck} checks
 * this. The rules:
 * <ul>
 *   <li>A decision is one atomic step on the state of the key. A denial changes nothing.</li>
 *   <li>The clock of the store decides, where it has one.</li>
 *   <li>Limits travel with each call and are not stored. A key is removed by itself once its state is empty.</li>
 *   <li>Methods return at once and never block, except {@link #acquireBlocking}. A stage completes on any thread. It
 *       fails if the store failed, and never completes with {@code null}.</li>
 *   <li>A failure that a retry cannot mend, such as a missing permission, is a {@link NonRetryableStoreException}. If
 *       the store may have executed the call, because the request was sent and no reply came, the failure is a
 *       {@link java.util.concurrent.TimeoutException}. After any other failure, permits that the fallback granted are
 *       charged to the store later.</li>
 *   <li>A caller that stops waiting cancels its stage. If the request has not been sent yet, the backend may drop it.
 *       Two calls therefore never share an incomplete stage.</li>
 *   <li>Permits are 0 or more; callers have checked. 0 permits are always granted and change nothing.</li>
 *   <li>Keys may be any text of any length.</li>
 * </ul>
 * Implementations are safe for use by any number of threads.
 */
public interface RateLimitBackend extends AutoCloseable {

    /** The deadline of a backend that does not override {@link #deadline()}: 100 ms. */
    Duration DEFAULT_DEADLINE = Duration.ofMillis(100);

    /** The result of {@link #partition} for a store of one part. */
    String WHOLE_STORE = "";

    /**
     * Takes permits if every limit of the policy grants them.
     *
     * @param policy  the limits and the name of their state
     * @param key     identifies the caller that is limited
     * @param permits the cost, 0 or more
     * @return the decision
     */
    CompletionStage<Decision> acquire(Policy policy, String key, long permits);

    /**
     * Does the same as {@link #acquire} on the calling thread, which waits for the decision. A backend without a remote
     * store overrides this default to avoid the stage.
     *
     * @param policy  the limits and the name of their state
     * @param key     identifies the caller that is limited
     * @param permits the cost, 0 or more
     * @return the decision
     * @throws RateLimitBackendException if the store failed
     */
    default Decision acquireBlocking(Policy policy, String key, long permits) {
        return Futures.await(Futures.call(() -> acquire(policy, key, permits)), RateLimitBackendException::of);
    }

    /**
     * Decides several requests on one key, each by itself and in the given order, as {@link #acquire} would one after
     * the other. A store that can decide them in one call overrides this default. Coalesced callers of a hot key use
     * it.
     *
     * @param policy  the limits and the name of their state
     * @param key     identifies the caller that is limited
     * @param permits the cost of each request, 0 or more
     * @return one decision per request in the same order
     */
    default CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
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
     * <p>This default acquires one request after the other. If one is denied, it refunds the earlier ones and skips the
     * later ones. In the meantime other callers may be denied; they are never granted too much. A store that can decide
     * all requests in one atomic step overrides it.
     *
     * @param requests the requests; two of the same policy and key are both charged
     * @return one decision per request in the same order
     */
    default CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        return new SequentialAcquire(
                        request -> acquire(request.policy(), request.key(), request.permits()),
                        (request, chargedAt) -> refund(request.policy(), request.key(), request.permits(), chargedAt),
                        requests)
                .acquire();
    }

    /**
     * Returns the decision that {@link #acquire} would make now, without taking permits.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the cost, 0 or more
     * @return the decision; if allowed, with the permits that are free before the request takes any
     */
    CompletionStage<Decision> peek(Policy policy, String key, long permits);

    /**
     * Returns how much of each limit a key has used, in one call. {@link LimitState#usage} defines the result.
     *
     * <p>This default fails.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return one element per rate limit in their order; fails with a {@link NonRetryableStoreException} if this
     *         backend reads no usage
     */
    default CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return CompletableFuture.failedStage(new NonRetryableStoreException(new UnsupportedOperationException(
                getClass().getName() + " reads no usage; override RateLimitBackend.usage().")));
    }

    /**
     * Gives back permits, as far as their charge still takes them; {@link LimitState#refund} defines the result.
     *
     * @param policy          the policy
     * @param key             identifies the caller that is limited
     * @param permits         the permits, 0 or more
     * @param chargedAtMicros {@link Decision.Allowed#chargedAtMicros} of the decision that took them, or
     *                        {@link LimitState#LATEST} for the permits that were taken last
     * @return completes when the permits are given back
     */
    CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros);

    /**
     * Gives back permits that {@link OnError#LOCAL} granted in this process, for a request that came to nothing. The
     * store does not change. The default does nothing, because only a guard grants such permits.
     *
     * @param policy          the policy
     * @param key             identifies the caller that is limited
     * @param permits         the permits
     * @param chargedAtMicros as in {@link #refund}
     * @return completes when the permits are given back
     */
    default CompletionStage<Void> refundFallback(Policy policy, String key, long permits, long chargedAtMicros) {
        return CompletableFuture.completedStage(null);
    }

    /**
     * Takes permits on an estimate, if every limit of the policy grants them, and remembers the reservation until it is
     * settled or expires: one atomic step. If the key has as many open reservations as
     * {@link ReservationRules#maxOpen} allows, the request is denied by no limit, until the first one expires. A
     * request that is delivered twice reserves once, and is granted twice. {@link LimitState#reserve} defines the
     * result.
     *
     * <p>This default fails.
     *
     * @param policy    the policy
     * @param key       identifies the caller that is limited
     * @param id        of the reservation: 128 random bits
     * @param permits   the estimate, 0 or more
     * @param ttlMicros the time in microseconds for which the reservation is open
     * @return the decision; fails with a {@link NonRetryableStoreException} if this backend keeps no reservations
     */
    default CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return CompletableFuture.failedStage(new NonRetryableStoreException(new UnsupportedOperationException(
                getClass().getName() + " keeps no reservations; override RateLimitBackend.reserve().")));
    }

    /**
     * Ends a reservation with the permits that were really used: gives back the difference, or charges it even if it is
     * not free. One atomic step:
     * <ul>
     *   <li>If the reservation is open, it is settled; see {@link LimitState#settle}.</li>
     *   <li>If it has expired, the permits beyond those that stay charged are charged by
     *       {@link LimitState#chargeBeyond}.</li>
     *   <li>Otherwise it is unknown, or has been settled before, and nothing changes.</li>
     * </ul>
     *
     * <p>This default fails.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param receipt names the reservation
     * @param actual  the permits used, 0 or more
     * @return the outcome, and the state of the key as {@link #peek} returns it for 0 permits
     */
    default CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return CompletableFuture.failedStage(new NonRetryableStoreException(new UnsupportedOperationException(
                getClass().getName() + " keeps no reservations; override RateLimitBackend.settle().")));
    }

    /**
     * Blocks a key for a time. Until then all limits of the policy deny every request for 1 permit or more, even if the
     * limits change. Spent permits come back with time as usual, and refunds work as usual. If there are several
     * blocks, the latest end counts. {@link #reset} removes them. {@link LimitState#blockedUntil} defines the result.
     *
     * <p>This default fails.
     *
     * @param policy the policy
     * @param key    identifies the caller to block
     * @param micros the time in microseconds, counted from the present of the store; 1 to {@link Limit#MAX_PERIOD}
     * @return completes when the key is blocked for all instances; fails with a {@link NonRetryableStoreException} if
     *         this backend cannot block
     */
    default CompletionStage<Void> block(Policy policy, String key, long micros) {
        return CompletableFuture.failedStage(new NonRetryableStoreException(new UnsupportedOperationException(
                getClass().getName() + " does not block keys; override RateLimitBackend.block().")));
    }

    /**
     * Removes a key: all permits are free again and blocks are lifted.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return completes when the key is removed
     */
    CompletionStage<Void> reset(Policy policy, String key);

    /**
     * Returns the slots of concurrency limits in the same store. The default has none: every call fails with a
     * {@link NonRetryableStoreException}.
     *
     * @return the same object for as long as the backend is open
     */
    default ConcurrencyBackend concurrency() {
        return ConcurrencyBackend.unsupported(getClass().getSimpleName());
    }

    /**
     * Returns a small text in the same store, for settings that operators change for all instances. The default keeps
     * none: every call fails with a {@link NonRetryableStoreException}.
     *
     * @param name 1 to 64 ASCII letters, digits and hyphens
     * @return the record of that name
     * @throws IllegalArgumentException if the name is malformed
     */
    default SharedRecord sharedRecord(String name) {
        return SharedRecord.unsupported(getClass().getSimpleName());
    }

    /**
     * Returns the part of the store that keeps a key, for a store whose parts can fail one by one, such as the nodes of
     * a cluster. The guard gives each part a circuit breaker of its own and names the part in its log. A store has few
     * parts, and the part of a key may change. This method is called often during outages and never calls the store.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return a short name such as the address of a node; {@link #WHOLE_STORE} by default
     */
    default String partition(Policy policy, String key) {
        return WHOLE_STORE;
    }

    /**
     * Returns the most time a call may take if no deadline is configured. The default is {@link #DEFAULT_DEADLINE}; a
     * store that is slower in normal operation overrides it.
     *
     * @return 1 ms or more
     */
    default Duration deadline() {
        return DEFAULT_DEADLINE;
    }

    /**
     * Returns whether the state is in this process, so that a call never waits and never fails. The builder of
     * {@link RateLimiter} then adds no guard and no caches.
     *
     * @return {@code false} by default
     */
    default boolean isLocal() {
        return false;
    }

    /**
     * Returns whether callers of one key should share calls, because the backend does not batch them itself. The
     * builder of {@link RateLimiter} then adds a {@link io.github.micronautratelimit.hotkey.Coalescer}.
     *
     * @return {@code false} by default
     */
    default boolean prefersCoalescing() {
        return false;
    }

    /**
     * Adds figures about this backend to the statistics of the limiter. The default adds none.
     *
     * @param stats receives the figures
     */
    default void collectStats(LimiterStats.Collector stats) {}

    /**
     * Runs code that makes several calls on this backend on the current thread. A store may send these calls together
     * when the code has returned. The default only runs the code.
     *
     * @param calls makes the calls and waits for none of them
     */
    default void together(Runnable calls) {
        calls.run();
    }

    /** Closes what the backend itself has opened. The default closes nothing. */
    @Override
    default void close() {}

    /**
     * Keeps one small text in the store, which all instances read and replace: see {@link #sharedRecord}. It is for
     * settings that an operator changes, and not for decisions.
     *
     * <p>The rules of {@link RateLimitBackend} about stages and failures apply, and these:
     * <ul>
     *   <li>A record that was never written is empty, and so is one that was emptied.</li>
     *   <li>A record does not expire. A later read of any instance returns the latest text.</li>
     *   <li>Each call is one atomic step, and of bounded cost for the store.</li>
     * </ul>
     * Safe for use by any number of threads.
     */
    interface SharedRecord {

        /** The most bytes of a record in UTF-8: 32 KiB. */
        int MAX_BYTES = 32 * 1024;

        /**
         * Reads the record.
         *
         * @return its text; empty if there is none
         */
        CompletionStage<String> read();

        /**
         * Replaces the record if it still is what the caller has read. Of several concurrent calls that expect the same
         * text and write another one, exactly one succeeds; the others read again.
         *
         * @param expected    the text that was read; empty if there was none
         * @param replacement the new text, at most {@link #MAX_BYTES}; empty to remove the record
         * @return whether the record was {@code expected}; if not, it has not changed. Fails with a
         *         {@link NonRetryableStoreException} if the replacement is too long
         */
        CompletionStage<Boolean> replace(String expected, String replacement);

        /**
         * Checks the name of a record.
         *
         * @param name the name
         * @return the same name
         * @throws IllegalArgumentException if it is not 1 to 64 ASCII letters, digits and hyphens
         */
        static String requireName(String name) {
            if (!name.matches("[A-Za-z0-9-]{1,64}")) {
                throw new IllegalArgumentException("The name of a shared record is \""
                        + name.replaceAll("\\p{Cntrl}", "?") + "\"; write 1 to 64 ASCII letters, digits and hyphens.");
            }
            return name;
        }

        /**
         * Checks the length of a text before it is sent.
         *
         * @param text the text to write
         * @throws NonRetryableStoreException if it has more than {@link #MAX_BYTES} in UTF-8
         */
        static void requireFitting(String text) {
            int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > MAX_BYTES) {
                throw new NonRetryableStoreException(
                        new IllegalArgumentException("The shared record would have " + bytes + " bytes, but at most "
                                + MAX_BYTES + " are allowed; remove entries that are not needed."));
            }
        }

        /**
         * Returns the record of a store that keeps none.
         *
         * @param backend the class of the backend, named in the failures
         * @return fails every call with a {@link NonRetryableStoreException}
         */
        static SharedRecord unsupported(String backend) {
            NonRetryableStoreException failure = new NonRetryableStoreException(new UnsupportedOperationException(
                    backend + " keeps no shared records; override RateLimitBackend.sharedRecord()."));
            return new SharedRecord() {

                @Override
                public CompletionStage<String> read() {
                    return CompletableFuture.failedFuture(failure);
                }

                @Override
                public CompletionStage<Boolean> replace(String expected, String replacement) {
                    return CompletableFuture.failedFuture(failure);
                }
            };
        }
    }
}
