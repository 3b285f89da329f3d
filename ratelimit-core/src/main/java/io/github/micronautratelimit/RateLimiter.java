package io.github.micronautratelimit;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.memory.MemoryBackend;

/**
 * Asks for permits and places and tells the listeners what was decided.
 *
 * <p>Permits are taken with {@code acquire} and are spent; a place under a concurrency limit is taken with {@code lease}
 * and held until the {@link Lease} is closed. To {@code acquire} under a policy with limits of both kinds takes permits
 * alone.
 *
 * <p>Every verb comes twice. The plain one waits for the backend to answer, but never for permits to come free; do not
 * call it on an event loop unless the backend is in memory. The {@code Async} one returns at once; its stage completes on
 * whatever thread learnt the answer. If the backend fails, the plain verb throws what the backend failed with, wrapped
 * in a {@link RateLimitBackendException}, and the stage completes with it.
 *
 * <p>Safe for use by any number of threads.
 */
public final class RateLimiter {

    private static final Duration SHORTEST_BLOCK = Duration.of(1, ChronoUnit.MICROS);

    private final RateLimitBackend backend;
    private final Audience audience;
    private final @Nullable Guard guard;
    private final @Nullable KeySecret secret;

    /**
     * A limiter.
     *
     * @param backend   decides
     * @param listeners are told of every decision, in this order
     */
    public RateLimiter(RateLimitBackend backend, List<? extends RateLimitListener> listeners) {
        this(backend, listeners, null);
    }

    /**
     * A limiter that shows neither the backend nor the listeners a key, but what a secret makes of it.
     *
     * @param backend   decides
     * @param listeners are told of every decision, in this order
     * @param secret    conceals the keys; {@code null} to pass them on as they are
     */
    public RateLimiter(RateLimitBackend backend, List<? extends RateLimitListener> listeners,
                       @Nullable KeySecret secret) {
        this.backend = backend;
        this.guard = guardIn(backend);
        this.audience = new Audience(guard != null && guard.listeners().are(listeners)
                ? guard.listeners() : new Listeners(listeners));
        this.secret = secret;
    }

    private RateLimiter(RateLimitBackend backend, RateLimiter like) {
        this.backend = backend;
        this.guard = guardIn(backend);
        this.audience = like.audience;
        this.secret = like.secret;
    }

    /**
     * This limiter on another backend: for what is to be counted elsewhere, such as in memory. It tells the same listeners,
     * counts among the same {@link #counts()} and conceals keys alike.
     *
     * @param other decides
     * @return a limiter beside this one
     */
    public RateLimiter over(RateLimitBackend other) {
        return new RateLimiter(other, this);
    }

    /**
     * A limiter for this process alone, without listeners.
     *
     * @return a new limiter with a {@link MemoryBackend} of its own
     */
    public static RateLimiter inMemory() {
        return new RateLimiter(new MemoryBackend(), List.of());
    }

    /**
     * Takes one permit; see {@link #acquire(Policy, String, long)}.
     *
     * @param policy the policy
     * @param key    who is limited
     * @return the decision
     */
    public Decision acquire(Policy policy, String key) {
        return acquire(policy, key, 1);
    }

    /**
     * Takes permits, if every limit of the policy grants them.
     *
     * @param policy  the policy
     * @param key     who is limited; any text
     * @param permits what the request costs, 0 or more
     * @return the decision
     * @throws IllegalArgumentException  if permits are negative
     * @throws RateLimitBackendException if the backend failed
     */
    public Decision acquire(Policy policy, String key, long permits) {
        if (audience.isListening()) {
            return await(acquireAsync(policy, key, permits));
        }
        requireSound(policy, permits);
        Decision decision = backend.acquireBlocking(policy, concealed(key), permits);
        audience.count(policy, LimitType.CODE, permits, decision);
        return decision;
    }

    /**
     * Takes permits, if every limit of the policy grants them.
     *
     * @param policy  the policy
     * @param key     who is limited; any text
     * @param permits what the request costs, 0 or more
     * @return the decision to come
     * @throws IllegalArgumentException if permits are negative
     */
    public CompletionStage<Decision> acquireAsync(Policy policy, String key, long permits) {
        if (audience.isEmpty()) {
            requireSound(policy, permits);
            return answer(policy, concealed(key), permits);
        }
        return acquireAsync(new Ask(policy, key, permits));
    }

    private CompletionStage<Decision> answer(Policy policy, String concealed, long permits) {
        return called(() -> backend.acquire(policy, concealed, permits));
    }

    private CompletionStage<Decision> acquireAsync(Ask asked) {
        requireSound(asked.policy(), asked.permits());
        Ask ask = concealed(asked);
        long begun = audience.begun();
        CompletionStage<Decision> answer = answer(ask.policy(), ask.key(), ask.permits());
        if (audience.isEmpty()) {
            return answer;
        }
        if (answer instanceof CompletableFuture<Decision> made && made.isDone() && !made.isCompletedExceptionally()) {
            audience.decided(ask, made.join(), begun);
            return answer;
        }
        return answer.whenComplete((made, failure) -> {
            if (failure != null) {
                audience.failed(ask, failure, begun);
            } else {
                audience.decided(ask, made, begun);
            }
        });
    }

    /**
     * Takes one permit or throws; see {@link #acquireOrThrow(Policy, String, long)}.
     *
     * @param policy the policy
     * @param key    who is limited
     * @return the decision
     */
    public Decision.Allowed acquireOrThrow(Policy policy, String key) {
        return acquireOrThrow(policy, key, 1);
    }

    /**
     * Takes permits or throws.
     *
     * @param policy  the policy
     * @param key     who is limited; any text
     * @param permits what the request costs, 0 or more
     * @return the decision
     * @throws IllegalArgumentException   if permits are negative
     * @throws RateLimitExceededException if a limit denied; it carries the decision
     * @throws RateLimitBackendException  if the backend failed
     */
    public Decision.Allowed acquireOrThrow(Policy policy, String key, long permits) {
        Decision decision = acquire(policy, key, permits);
        if (decision instanceof Decision.Allowed allowed) {
            return allowed;
        }
        throw new RateLimitExceededException(
                new Decisions(List.of(new Ask(policy, key, permits)), List.of(decision)));
    }

    /**
     * Takes permits under several policies, or none under any.
     *
     * @param asks what is asked
     * @return the decisions
     * @throws RateLimitBackendException if the backend failed
     */
    public Decisions acquireAll(List<Ask> asks) {
        return await(acquireAllAsync(asks));
    }

    /**
     * Takes permits under several policies, or none under any.
     *
     * @param asks what is asked
     * @return the decisions to come
     */
    public CompletionStage<Decisions> acquireAllAsync(List<Ask> asks) {
        if (asks.size() == 1) {
            return acquireAsync(asks.get(0))
                    .thenApply(decision -> new Decisions(asks, List.of(decision)));
        }
        asks.forEach(ask -> requireSound(ask.policy(), ask.permits()));
        List<Ask> concealed = concealed(asks);
        long begun = audience.begun();
        return decided(asks, concealed, called(() -> backend.acquireAll(concealed)), begun);
    }

    /** Decisions of which listeners are told. */
    private CompletionStage<Decisions> decided(List<Ask> asks, List<Ask> concealed, CompletionStage<List<Decision>> answer,
                                               long begun) {
        return answer.handle((each, failure) -> {
            tell(concealed, each, failure, begun);
            return new Decisions(asks, each);
        });
    }

    /**
     * Takes permits under several policies, or none under any, for a caller whose thread must not wait, such as an event
     * loop's. If the backend has not answered at once, the policies' {@link OnError} decide instead, provided the backend
     * is behind a {@link Guard}; the backend's own answer may then cost the permits once more, and is told to nobody.
     *
     * @param asks what is asked
     * @return the decisions
     * @throws RateLimitBackendException if the backend failed
     */
    public Decisions acquireAllAtOnce(List<Ask> asks) {
        asks.forEach(ask -> requireSound(ask.policy(), ask.permits()));
        List<Ask> concealed = concealed(asks);
        long begun = audience.begun();
        CompletableFuture<List<Decision>> answer = called(() -> permits(concealed)).toCompletableFuture();
        return await(decided(asks, concealed, answer.isDone() || guard == null ? answer
                : CompletableFuture.completedFuture(guard.allWithout(concealed)), begun));
    }

    /**
     * Takes one permit and a place; see {@link #leaseAllAsync}.
     *
     * @param policy the policy, with or without a concurrency limit
     * @param key    what is limited; any text
     * @return the lease, which holds nothing if denied: close it
     * @throws RateLimitBackendException if the backend failed
     */
    public Lease lease(Policy policy, String key) {
        return await(leaseAsync(policy, key));
    }

    /**
     * Takes one permit and a place; see {@link #leaseAllAsync}.
     *
     * @param policy the policy, with or without a concurrency limit
     * @param key    what is limited; any text
     * @return the lease to come, which holds nothing if denied: close it
     */
    public CompletionStage<Lease> leaseAsync(Policy policy, String key) {
        return leaseAllAsync(List.of(new Ask(policy, key, 1)));
    }

    /**
     * Takes permits and places under several policies, or none under any; see {@link #leaseAllAsync}.
     *
     * @param asks what is asked
     * @return the lease, which holds nothing if denied: close it
     * @throws RateLimitBackendException if the backend failed
     */
    public Lease leaseAll(List<Ask> asks) {
        return await(leaseAllAsync(asks));
    }

    /**
     * Takes permits under the limits on how often, and then one place under each concurrency limit, or nothing at all.
     * Each place is one exact step in the store: never are more held than there are. What was taken is given back when a
     * later one is denied; meanwhile others may be denied for it.
     *
     * @param asks what is asked; policies with limits of either kind
     * @return the lease to come, which holds nothing if denied: close it
     */
    public CompletionStage<Lease> leaseAllAsync(List<Ask> asks) {
        if (limitsRatesOnly(asks)) {
            return acquireAllAsync(asks).thenApply(RateLimiter::withoutPlaces);
        }
        List<Ask> concealed = concealed(asks);
        long begun = audience.begun();
        Leasing leasing = leasing(concealed);
        return leased(asks, concealed, leasing, leasing.acquire(), begun);
    }

    private Leasing leasing(List<Ask> concealed) {
        return new Leasing(this::permits, this::giveBack, backend.leases(), backend.leases(), concealed);
    }

    /**
     * The same for a caller whose thread must not wait, as {@link #acquireAllAtOnce} is: if the backend has not answered
     * at once, the policies' {@link OnError} decide, and what the backend then grants is given back.
     *
     * @param asks what is asked; policies with limits of either kind
     * @return the lease, which holds nothing if denied: close it
     * @throws RateLimitBackendException if the backend failed
     */
    public Lease leaseAllAtOnce(List<Ask> asks) {
        if (limitsRatesOnly(asks)) {
            return withoutPlaces(acquireAllAtOnce(asks));
        }
        List<Ask> concealed = concealed(asks);
        long begun = audience.begun();
        Leasing leasing = leasing(concealed);
        CompletableFuture<List<Decision>> answer = leasing.acquire().toCompletableFuture();
        if (answer.isDone() || guard == null) {
            return await(leased(asks, concealed, leasing, answer, begun));
        }
        answer.thenRun(() -> leasing.held().forEach(Holding::release));
        Leasing without = new Leasing(rates -> CompletableFuture.completedFuture(guard.allWithout(rates)), this::giveBack,
                guard.leasesWithout(), backend.leases(), concealed);
        return await(leased(asks, concealed, without, without.acquire(), begun));
    }

    private static boolean limitsRatesOnly(List<Ask> asks) {
        for (Ask ask : asks) {
            if (ask.policy().concurrency() != null) {
                return false;
            }
        }
        return true;
    }

    private static Lease withoutPlaces(Decisions decisions) {
        return new Lease(decisions, List.of());
    }

    private CompletionStage<Lease> leased(List<Ask> asks, List<Ask> concealed, Leasing leasing,
                                          CompletionStage<List<Decision>> answer, long begun) {
        return answer.handle((each, failure) -> {
            tell(failure == null ? Leasing.split(concealed) : concealed, each, failure, begun);
            return new Lease(new Decisions(Leasing.split(asks), each), leasing.held());
        });
    }

    /** Fails again if the backend did. */
    private void tell(List<Ask> concealed, List<Decision> each, @Nullable Throwable failure, long begun) {
        if (failure != null) {
            audience.failed(concealed, failure, begun);
            throw new CompletionException(Listeners.unwrapped(failure));
        }
        audience.decided(concealed, each, begun);
    }

    private CompletionStage<List<Decision>> permits(List<Ask> rates) {
        if (rates.size() != 1) {
            return backend.acquireAll(rates);
        }
        Ask only = rates.get(0);
        return backend.acquire(only.policy(), only.key(), only.permits()).thenApply(List::of);
    }

    /** A refund that fails is lost, which costs permits but admits nobody. */
    private CompletionStage<Void> giveBack(List<Ask> taken) {
        return CompletableFuture.allOf(taken.stream()
                .map(ask -> called(() -> backend.refund(ask.policy(), ask.key(), ask.permits()))
                        .exceptionally(lost -> null).toCompletableFuture())
                .toArray(CompletableFuture<?>[]::new));
    }

    /**
     * What asking for permits would be answered now, without taking any.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits the cost to judge, 0 or more; with 0, simply how the key stands
     * @return the decision; if allowed, with the permits free before any are taken
     * @throws IllegalArgumentException  if permits are negative
     * @throws RateLimitBackendException if the backend failed
     */
    public Decision peek(Policy policy, String key, long permits) {
        return await(peekAsync(policy, key, permits));
    }

    /**
     * What asking for permits would be answered now, without taking any; under a policy with a concurrency limit, what
     * asking for permits and a place would be.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits the cost to judge, 0 or more; with 0, simply how the key stands
     * @return the decision to come
     * @throws IllegalArgumentException if permits are negative
     */
    public CompletionStage<Decision> peekAsync(Policy policy, String key, long permits) {
        Ask.requireNotNegative(permits);
        String concealed = concealed(key);
        if (policy.concurrency() == null) {
            return called(() -> backend.peek(policy, concealed, permits));
        }
        CompletionStage<Decision> place = called(() -> backend.leases().peek(policy.concurrencyOnly(), concealed));
        return policy.limits().isEmpty() ? place
                : called(() -> backend.peek(policy.ratesOnly(), concealed, permits)).thenCombine(place, RateLimiter::both);
    }

    /**
     * Gives back the permits taken last, for a request that turned out to be free.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits how many, 0 or more; more than were taken gives back what was taken
     * @throws IllegalArgumentException  if permits are negative
     * @throws RateLimitBackendException if the backend failed
     */
    public void refund(Policy policy, String key, long permits) {
        await(refundAsync(policy, key, permits));
    }

    /**
     * Gives back the permits taken last, for a request that turned out to be free.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits how many, 0 or more; more than were taken gives back what was taken
     * @return completes when done
     * @throws IllegalArgumentException if permits are negative
     */
    public CompletionStage<Void> refundAsync(Policy policy, String key, long permits) {
        Ask.requireNotNegative(permits);
        return policy.limits().isEmpty() ? CompletableFuture.completedFuture(null)
                : called(() -> backend.refund(policy, concealed(key), permits));
    }

    /**
     * Blocks a key for a time, on every instance that shares the store: until the time is over, every request for 1 permit
     * or more is denied. What is spent stays spent, and comes back meanwhile as always: the key is free no sooner than it
     * would have been. A block of a key that is blocked for longer already changes nothing; {@link #reset} lifts a block.
     *
     * <p>While the store is away and a policy decides by {@link OnError}, it does not know of blocks.
     *
     * @param policy   the policy
     * @param key      who is blocked
     * @param duration for how long, 1 microsecond to 366 days; what is finer than a microsecond is cut off
     * @throws IllegalArgumentException  if the duration is out of range
     * @throws RateLimitBackendException if the backend failed or cannot block, and the key may not be blocked
     */
    public void block(Policy policy, String key, Duration duration) {
        await(blockAsync(policy, key, duration));
    }

    /**
     * Blocks a key for a time; see {@link #block}.
     *
     * @param policy   the policy
     * @param key      who is blocked
     * @param duration for how long, 1 microsecond to 366 days; what is finer than a microsecond is cut off
     * @return completes when the key is blocked on every instance
     * @throws IllegalArgumentException if the duration is out of range
     */
    public CompletionStage<Void> blockAsync(Policy policy, String key, Duration duration) {
        if (duration.compareTo(SHORTEST_BLOCK) < 0 || duration.compareTo(Limit.MAX_PERIOD) > 0) {
            throw new IllegalArgumentException(
                    "A key is blocked for 1 microsecond to 366 days, not for " + duration + ".");
        }
        requireSound(policy, 0);
        return called(() -> backend.block(policy, concealed(key), LimitText.micros(duration)));
    }

    /**
     * Forgets a key: every permit is free again, a block is lifted, and every place is free. Who holds one asks for it anew at
     * the next renewal.
     *
     * @param policy the policy
     * @param key    who is limited
     * @throws RateLimitBackendException if the backend failed
     */
    public void reset(Policy policy, String key) {
        await(resetAsync(policy, key));
    }

    /**
     * Forgets a key: every permit is free again, a block is lifted, and every place is free. Who holds one asks for it anew at
     * the next renewal.
     *
     * @param policy the policy
     * @param key    who is limited
     * @return completes when done
     */
    public CompletionStage<Void> resetAsync(Policy policy, String key) {
        String concealed = concealed(key);
        CompletionStage<Void> permits = policy.limits().isEmpty() ? CompletableFuture.completedFuture(null)
                : called(() -> backend.reset(policy, concealed));
        return policy.concurrency() == null ? permits
                : permits.thenCombine(called(() -> backend.leases().reset(policy, concealed)), (done, too) -> done);
    }

    /** What permits and a place together are answered. */
    private static Decision both(Decision permits, Decision place) {
        if (!permits.allowed() || !place.allowed()) {
            return permits.allowed() ? place : permits;
        }
        return new Decision.Allowed(Math.min(permits.remaining(), place.remaining()),
                Math.max(permits.resetAfterMicros(), place.resetAfterMicros()), place.source());
    }

    private static void requireSound(Policy policy, long permits) {
        Ask.requireNotNegative(permits);
        if (policy.limits().isEmpty()) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" limits only how many at once, "
                    + policy.concurrency() + "; ask for a lease, which is held and closed.");
        }
    }

    /**
     * A key as listeners are told of it: the same identity gives the same hash in metrics of top keys, logs and answers.
     *
     * @param key who is limited
     * @return what {@link RateLimitEvent#keyHash()} says of this key
     */
    public String keyHash(String key) {
        return KeyHash.of(concealed(key));
    }

    /**
     * How many decisions this limiter made, from the first call of this method on: who never asks pays nothing for it.
     *
     * @return always the same object, which goes on counting
     */
    public DecisionCounts counts() {
        return audience.counts();
    }

    /**
     * How this limiter and what it stands on are doing.
     *
     * @return numbers as of now
     */
    public LimiterStats stats() {
        return new Survey(audience.listeners()).of(backend);
    }

    private String concealed(String key) {
        return secret == null ? key : secret.conceal(key);
    }

    private Ask concealed(Ask ask) {
        return secret == null ? ask : new Ask(ask.policy(), secret.conceal(ask.key()), ask.permits(), ask.type());
    }

    private List<Ask> concealed(List<Ask> asks) {
        return secret == null ? asks : asks.stream().map(this::concealed).toList();
    }

    private static @Nullable Guard guardIn(RateLimitBackend backend) {
        RateLimitBackend inner = backend;
        while (!(inner instanceof Guard) && inner instanceof InFront front) {
            inner = front.of();
        }
        return inner instanceof Guard found ? found : null;
    }

    /** What a call to the backend comes to; a failure if it throws what it should have answered with. */
    static <T> CompletionStage<T> called(Supplier<CompletionStage<T>> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    static <T> T await(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().join();
        } catch (CompletionException | CancellationException e) {
            Throwable failure = Listeners.unwrapped(e);
            throw failure instanceof RateLimitBackendException known ? known : new RateLimitBackendException(failure);
        }
    }
}
