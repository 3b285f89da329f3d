package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Fallback.Charge;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;

/**
 * Stands between the application and a store: a call that fails or is late, and every call while a circuit breaker is
 * open, is answered by the policy's {@link OnError}. A guarded decision therefore never fails, and is never later than
 * its deadline.
 *
 * <p>{@link OnError#OPEN} grants, {@link OnError#CLOSED} denies, and {@link OnError#LOCAL} decides on counters in this
 * process, with the policy's limits divided by the number of instances. Such decisions say
 * {@link Decision.Source#FALLBACK}. What was granted locally is charged to the store when it is back, as far as it has not
 * come back with time and there is room for it; not charged is what was late or failed with a {@link TimeoutException},
 * because the store may have charged it.
 *
 * <p>A {@link RateLimitDefectException} is answered by on-error too, but does not open the breaker: it is logged as an
 * error. Stages of late calls complete on a few threads of the guards' own: who goes on there may make further calls and
 * wait for them, but does long work elsewhere.
 */
public final class Guard implements RateLimitBackend, InFront {

    /** The most instances that limits are divided by. */
    public static final int MAX_INSTANCES = 10_000;

    private final RateLimitBackend store;
    private final Duration deadline;
    private final Deadlines.Lane usual;
    private final Listeners listeners;
    private final StoreHealth health;
    private final Fallback fallback;
    private final LeaseBackend leases;
    private final RateLimitBackendException notAsked;

    /**
     * A guard for an application that runs once.
     *
     * @param store     the backend to guard
     * @param deadline  how long to wait for an answer, 1 ms or more; a policy's own goes first
     * @param listeners are told of every failure
     */
    public Guard(RateLimitBackend store, Duration deadline, List<? extends RateLimitListener> listeners) {
        this(store, store.getClass().getSimpleName(), deadline, 1, MicroClock.system(), listeners);
    }

    /**
     * A guard.
     *
     * @param store     the backend to guard
     * @param name      what the store is called in logs, and the breaker
     * @param deadline  how long to wait for an answer, 1 ms or more; a policy's own goes first
     * @param instances how many instances of the application share the store, 1 to {@link #MAX_INSTANCES}
     * @param clock     tells the time of decisions made without the store
     * @param listeners are told of every failure
     */
    public Guard(RateLimitBackend store, String name, Duration deadline, int instances, MicroClock clock,
                 List<? extends RateLimitListener> listeners) {
        requireLongEnough(deadline);
        if (instances < 1 || instances > MAX_INSTANCES) {
            throw new IllegalArgumentException(
                    "There are 1 to " + MAX_INSTANCES + " instances, not " + instances + ".");
        }
        Debts debts = new Debts(clock);
        this.store = store;
        this.deadline = deadline;
        this.usual = Deadlines.SHARED.of(deadline);
        this.listeners = new Listeners(listeners);
        this.health = new StoreHealth(name, store, deadline, debts);
        this.fallback = new Fallback(clock, instances, debts);
        this.leases = new GuardedLeases(this, store.leases(), fallback.leases());
        this.notAsked = new RateLimitBackendException(
                "The rate limit store \"" + name + "\" is not asked: its circuit breaker is open.", null, false);
        rehearse();
    }

    /** Walks a late call's way once, or the first in earnest would be later still by the time its classes take to load. */
    private void rehearse() {
        Policy policy = Policy.of("ratelimit-rehearsal", "1/s");
        new Call<Decision>(new CompletableFuture<>(), System.nanoTime()) {

            @Override
            void answered(long nanos) {
            }

            @Override
            Decision instead(Throwable failure, long nanos) {
                StoreHealth.newBreaker("rehearsal").onError(nanos, TimeUnit.NANOSECONDS, failure);
                return fallback.acquire(policy, "", 1, Charge.LATER);
            }
        }.expire();
        fallback.reset(policy, "");
    }

    static void requireLongEnough(Duration deadline) {
        if (deadline.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException("The deadline is 1ms or more, not " + deadline + ".");
        }
    }

    /**
     * The breaker that calls to the store go through: its state and counts.
     *
     * @return closed while the store is asked, open while it is not, half-open while it is tried
     */
    public CircuitBreaker breaker() {
        return health.breaker();
    }

    /**
     * Whether an outage is on: it begins with a call that failed and ends when, for half a second, none has.
     *
     * @return {@code true} if on-error has answered lately
     */
    public boolean inOutage() {
        return health.inOutage();
    }

    /**
     * The calls that failed or were late.
     *
     * @return a count since the start
     */
    public long failures() {
        return health.failures();
    }

    /**
     * The calls that failed with a {@link RateLimitDefectException}.
     *
     * @return a count since the start; if it is not 0, the log tells more
     */
    public long defects() {
        return health.defects();
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return guarded(policy.deadline(), key, () -> store.acquire(policy, key, permits), (failure, nanos) -> {
            listeners.failed(policy, key, failure, nanos);
            return fallback.acquire(policy, key, permits, chargeAfter(failure));
        });
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        if (asks.isEmpty()) {
            return CompletableFuture.completedFuture(List.of());
        }
        return guarded(shortest(asks), asks.get(0).key(), () -> store.acquireAll(asks), (failure, nanos) -> {
            listeners.failed(asks, failure, nanos);
            return fallback.acquireAll(asks, chargeAfter(failure));
        });
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return guarded(policy.deadline(), key, () -> store.peek(policy, key, permits), (failure, nanos) -> {
            listeners.failed(policy, key, failure, nanos);
            return fallback.peek(policy, key, permits);
        });
    }

    /** Fails if the store fails; what was granted here is given back here then. */
    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return guarded(policy.deadline(), key, () -> store.refund(policy, key, permits), (failure, nanos) -> {
            fallback.refund(policy, key, permits);
            throw asException(failure);
        });
    }

    /** Fails if the store fails. A block is the store's: while it is away, on-error answers as if there were none. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return guarded(policy.deadline(), key, () -> store.block(policy, key, micros), (failure, nanos) -> {
            throw asException(failure);
        });
    }

    /** Fails if the store fails; what is counted here is forgotten in any case. */
    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        fallback.reset(policy, key);
        return guarded(policy.deadline(), key, () -> store.reset(policy, key), (failure, nanos) -> {
            throw asException(failure);
        });
    }

    Listeners listeners() {
        return listeners;
    }

    LimiterStats.Store stats() {
        return new LimiterStats.Store(health.breaker().getName(), health.breaker().getState().name(),
                health.transitions(), health.inOutage(), Duration.ofNanos(health.outageNanos()), health.failures(),
                health.defects());
    }

    @Override
    public RateLimitBackend of() {
        return store;
    }

    @Override
    public LeaseBackend leases() {
        return leases;
    }

    @Override
    public Duration deadline() {
        return deadline;
    }

    @Override
    public void close() {
        health.close();
        store.close();
    }

    /** Whether the store is asked at all. */
    boolean isAsking() {
        return health.mayAsk();
    }

    /** Takes permits for nobody yet: fails where on-error would answer a request. */
    CompletionStage<Decision> takeAhead(Policy policy, String key, long permits) {
        return guarded(policy.deadline(), key, () -> store.acquire(policy, key, permits), (failure, nanos) -> {
            throw asException(failure);
        });
    }

    /** Gives back what {@link #takeAhead} took. If that fails, on-error's counters know nothing of it. */
    CompletionStage<Void> giveBack(Policy policy, String key, long permits) {
        return guarded(policy.deadline(), key, () -> store.refund(policy, key, permits), (failure, nanos) -> {
            throw asException(failure);
        });
    }

    /** For a caller who cannot wait for the store, which has been asked all the same. */
    List<Decision> allWithout(List<Ask> asks) {
        return fallback.acquireAll(asks, Charge.NOT);
    }

    /** The same for places. */
    LeaseBackend leasesWithout() {
        return fallback.leases();
    }

    /** What the store cannot do, it is not asked again. */
    private static Charge chargeAfter(Throwable failure) {
        return isUncharged(failure) && !(failure instanceof RateLimitDefectException) ? Charge.LATER : Charge.NOT;
    }

    /** Whether a call that failed so was surely not carried out: one that was late, or went unanswered, may have been. */
    static boolean isUncharged(Throwable failure) {
        return !(failure instanceof TimeoutException || failure instanceof CancellationException);
    }

    static RuntimeException asException(Throwable failure) {
        return failure instanceof RuntimeException exception ? exception : new RateLimitBackendException(failure);
    }

    /** A request waits no longer than any of its policies allows. */
    private Duration shortest(List<Ask> asks) {
        Duration shortest = deadline;
        for (Ask ask : asks) {
            Duration own = ask.policy().deadline();
            shortest = own != null && own.compareTo(shortest) < 0 ? own : shortest;
        }
        return shortest;
    }

    /** Answers for the store, which failed after so long. */
    private interface Instead<T> {
        T answer(Throwable failure, long nanos);
    }

    /** A call under one policy; the listeners are told if it fails. */
    <T> CompletionStage<T> guarded(Policy policy, String key, Supplier<CompletionStage<T>> ask,
                                   Function<Throwable, T> instead) {
        return guarded(policy.deadline(), key, ask, (failure, nanos) -> {
            listeners.failed(policy, key, failure, nanos);
            return instead.apply(failure);
        });
    }

    private <T> CompletionStage<T> guarded(@Nullable Duration own, String key,
                                           Supplier<CompletionStage<T>> ask, Instead<T> instead) {
        if (!health.mayAsk()) {
            return RateLimiter.called(() -> CompletableFuture.completedFuture(instead.answer(notAsked, 0)));
        }
        long begun = System.nanoTime();
        return new Call<>(RateLimiter.called(ask).toCompletableFuture(), begun) {

            @Override
            void answered(long nanos) {
                health.answered(nanos);
            }

            @Override
            T instead(Throwable failure, long nanos) {
                health.failed(key, nanos, failure);
                return instead.answer(failure, nanos);
            }
        }.await(own == null ? usual : Deadlines.SHARED.of(own));
    }
}
