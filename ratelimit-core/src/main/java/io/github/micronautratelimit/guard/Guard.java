package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.guard.Fallback.Charge;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/**
 * Protects the application from a store that fails or is late. The {@link OnError} of the policy decides instead, and
 * while the circuit breaker is open the store is not called at all. A guarded decision therefore never fails and never
 * takes longer than its deadline.
 *
 * <p><em>Fallback.</em> {@link OnError#OPEN} allows, {@link OnError#CLOSED} denies, and {@link OnError#LOCAL} decides
 * on counters in this process, with the limits divided by the number of instances. These counters also count what the
 * store grants to this instance, so a fallback continues from what the instance has had. Decisions of a fallback have
 * the source {@link Decision.Source#FALLBACK}.
 *
 * <p><em>Parts.</em> Each part of the store, as {@link RateLimitBackend#partition} names it, has a circuit breaker of
 * its own. If a node of several fails, the keys on the others are decided by the store.
 *
 * <p><em>Deadline of zero.</em> Decisions under such a policy never wait: the fallback decides unless the store has
 * answered at once. The store may still charge the permits later. All other calls wait for the usual deadline: refunds,
 * blocks, resets, prefetching, and the renewal and release of slots.
 *
 * <p><em>Recovery.</em> After an outage, permits granted locally are charged to the store, minus those that were
 * refilled in the meantime and as far as the limits have room. Calls that were late or failed with a
 * {@link TimeoutException} are not charged again, because the store may have charged them.
 *
 * <p><em>Permanent failures.</em> A {@link NonRetryableStoreException} is logged as an error and does not open the
 * breaker.
 *
 * <p><em>Threads.</em> Stages of late calls complete on a small pool of the guards. Callbacks on these threads may wait
 * for further limiter calls, but should move long-running work to another executor.
 */
public final class Guard extends ForwardingBackend {

    /** The most instances that limits are divided by. */
    public static final int MAX_INSTANCES = 10_000;

    private static final Duration SHORTEST_DEADLINE = Duration.ofMillis(1);

    private final Duration deadline;
    private final CallGuard calls;
    private final StoreHealth health;
    private final Fallback fallback;
    private final GuardedConcurrencyBackend concurrency;

    /**
     * Creates a guard.
     *
     * @param store     the backend to guard
     * @param name      the name of the store in logs, statistics and the breaker
     * @param deadline  the most time a call may take, 1 ms or more; the deadline of a policy takes precedence
     * @param instances the number of instances that share the store, 1 to {@link #MAX_INSTANCES}
     * @param clock     the time of decisions without the store
     * @param failures  receives failed calls, one per policy
     * @throws IllegalArgumentException if the deadline or the number of instances is out of range
     */
    public Guard(
            RateLimitBackend store,
            String name,
            Duration deadline,
            int instances,
            MicroClock clock,
            Consumer<StoreFailure> failures) {
        this(store, name, deadline, instances, clock, Deadlines.SHARED, failures);
    }

    /** Creates a guard with the clock and the threads of these deadlines. */
    Guard(
            RateLimitBackend store,
            String name,
            Duration deadline,
            int instances,
            MicroClock clock,
            Deadlines deadlines,
            Consumer<StoreFailure> failures) {
        super(store);
        if (deadline.compareTo(SHORTEST_DEADLINE) < 0) {
            throw new IllegalArgumentException("The deadline is " + deadline + "; write 1ms or more.");
        }
        if (instances < 1 || instances > MAX_INSTANCES) {
            throw new IllegalArgumentException(
                    "The number of instances is " + instances + "; write 1 to " + MAX_INSTANCES + ".");
        }
        Scheduler scheduler = deadlines.scheduler();
        UnsettledCharges unsettled = new UnsettledCharges(clock, scheduler);
        this.deadline = deadline;
        this.health = new StoreHealth(name, store, deadline, unsettled, scheduler);
        this.calls = new CallGuard(health, name, deadline, deadlines, failures);
        this.fallback = new Fallback(clock, instances, unsettled);
        this.concurrency =
                new GuardedConcurrencyBackend(name, calls, scheduler, store.concurrency(), fallback.concurrency());
    }

    /** Loads the classes of the path of a late call, so that the first outage does not wait for them. */
    public void warmUp() {
        Policy policy = Policy.of("ratelimit-warm-up", "1/s");
        new GuardedCall<Decision>(new CompletableFuture<>(), System.nanoTime()) {

            @Override
            void succeeded(Decision decision) {}

            @Override
            Decision fallback(Throwable failure) {
                PartHealth.newBreaker("warm-up").onError(0, TimeUnit.NANOSECONDS, failure);
                return fallback.acquire(policy, "", 1, Charge.LATER);
            }
        }.expire();
        fallback.reset(policy, "");
    }

    /**
     * Returns whether an outage is on. It begins when the circuit breaker of a part of the store opens, and ends half a
     * second after the last failed call.
     *
     * @return {@code true} if on-error decides without calls to a part of the store, or has done so lately
     */
    public boolean inOutage() {
        return health.inOutage();
    }

    /**
     * Returns whether the traces of failed calls are gone: none has failed in the last half second, and the permits
     * that were granted locally are charged to the store.
     *
     * @return {@code true} also if no call has ever failed
     */
    public boolean isSettled() {
        return health.isSettled();
    }

    /**
     * Returns whether calls go to all parts of the store.
     *
     * @return {@code false} while a circuit breaker is open
     */
    public boolean isCallingStore() {
        return health.isCallingStore();
    }

    /**
     * Returns whether calls for a key go to the store.
     *
     * @param policy the policy
     * @param key    identifies the caller that is limited
     * @return {@code false} while the circuit breaker of its part of the store is open
     */
    public boolean isCallingStore(Policy policy, String key) {
        return health.isCallingStore(policy, key);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        CompletionStage<Decision> answer =
                calls.call(policy, key, () -> delegate().acquire(policy, key, permits));
        Decision atOnce = Futures.resultNow(answer);
        if (atOnce != null) {
            health.succeeded(policy, key);
            fallback.follow(policy, key, permits, atOnce);
            return answer;
        }
        return calls.await(
                policy,
                key,
                answer,
                decision -> fallback.follow(policy, key, permits, decision),
                failure -> fallback.acquire(policy, key, permits, chargeAfter(failure)));
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        return awaitAcquire(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        return calls.decide(
                policy,
                key,
                () -> delegate().acquireBatch(policy, key, permits),
                decisions -> {
                    for (int i = 0; i < decisions.size(); i++) {
                        fallback.follow(policy, key, permits.get(i), decisions.get(i));
                    }
                },
                failure -> permits.stream()
                        .map(cost -> fallback.acquire(policy, key, cost, chargeAfter(failure)))
                        .toList());
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        if (requests.isEmpty()) {
            return CompletableFuture.completedFuture(List.of());
        }
        return calls.decideAll(
                requests,
                () -> delegate().acquireAll(requests),
                decisions -> fallback.followAll(requests, decisions),
                failure -> fallback.acquireAll(requests, chargeAfter(failure)));
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return calls.decide(
                policy,
                key,
                () -> delegate().peek(policy, key, permits),
                failure -> fallback.peek(policy, key, permits));
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        return calls.decide(policy, key, () -> delegate().usage(policy, key), failure -> fallback.usage(policy, key));
    }

    /**
     * Fails if the store fails. Permits that were granted locally are then given back locally, unless the store may
     * have executed the refund: they would be given back twice.
     */
    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        return calls.execute(
                policy,
                key,
                () -> delegate().refund(policy, key, permits, chargedAtMicros),
                done -> fallback.followRefund(policy, key, permits, chargedAtMicros),
                failure -> {
                    if (UnsettledCharges.isUncharged(failure)) {
                        fallback.refund(policy, key, permits, chargedAtMicros);
                    }
                    return CallGuard.fail(failure);
                });
    }

    /** Permits that have been charged to the store in the meantime stay charged there. */
    @Override
    public CompletionStage<Void> refundFallback(Policy policy, String key, long permits, long chargedAtMicros) {
        fallback.refund(policy, key, permits, chargedAtMicros);
        return CompletableFuture.completedStage(null);
    }

    /** If the store fails, on-error decides on the estimate, and the store remembers no reservation. */
    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        return calls.decide(
                policy,
                key,
                () -> delegate().reserve(policy, key, id, permits, ttlMicros),
                decision -> fallback.follow(policy, key, permits, decision),
                failure -> fallback.acquire(policy, key, permits, chargeAfter(failure)));
    }

    /** Fails if the store fails. The reservation then stays open until it is settled again, or expires. */
    @Override
    public CompletionStage<Reservation.Settlement> settle(
            Policy policy, String key, Reservation.Receipt receipt, long actual) {
        return calls.execute(
                policy,
                key,
                () -> delegate().settle(policy, key, receipt, actual),
                settlement -> fallback.followSettlement(policy, key, receipt, actual, settlement),
                CallGuard::fail);
    }

    /** Fails if the store fails. Blocks exist only in the store, so on-error decides without regard to them. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return calls.execute(policy, key, () -> delegate().block(policy, key, micros), done -> {}, CallGuard::fail);
    }

    /** Fails if the store fails. The local counters of the key are removed in any case. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        fallback.reset(policy, key);
        return calls.execute(policy, key, () -> delegate().reset(policy, key), done -> {}, CallGuard::fail);
    }

    /**
     * Acquires permits in advance of requests: fails where on-error would decide a request, and reports no failure.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the permits
     * @return the decision of the store
     */
    public CompletionStage<Decision> acquireOrFail(Policy policy, String key, long permits) {
        return calls.execute(
                policy,
                key,
                () -> delegate().acquire(policy, key, permits),
                decision -> fallback.follow(policy, key, permits, decision),
                CallGuard::fail);
    }

    /**
     * Refunds permits of {@link #acquireOrFail}. If the store fails, local counters do not change.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited
     * @param permits the permits
     * @param chargedAtMicros the time of their charge; see {@link Decision.Allowed#chargedAtMicros}
     * @return completes when the store has refunded the permits
     */
    public CompletionStage<Void> refundOrFail(Policy policy, String key, long permits, long chargedAtMicros) {
        return calls.execute(
                policy,
                key,
                () -> delegate().refund(policy, key, permits, chargedAtMicros),
                done -> fallback.followRefund(policy, key, permits, chargedAtMicros),
                CallGuard::fail);
    }

    /**
     * Returns statistics of the store and its circuit breaker.
     *
     * @return the present values
     */
    public LimiterStats.Store stats() {
        return health.stats();
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.store(stats());
        fallback.collectStats(stats);
        super.collectStats(stats);
    }

    @Override
    public ConcurrencyBackend concurrency() {
        return concurrency;
    }

    @Override
    public Duration deadline() {
        return deadline;
    }

    @Override
    public void close() {
        health.close();
        concurrency.close();
        super.close();
    }

    /** A call that the store can never execute is not charged later either. */
    private static Charge chargeAfter(Throwable failure) {
        return UnsettledCharges.isUncharged(failure) && !(failure instanceof NonRetryableStoreException)
                ? Charge.LATER
                : Charge.NOT;
    }
}
