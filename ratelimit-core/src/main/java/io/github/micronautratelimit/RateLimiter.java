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
 * Asks for permits and tells the listeners what was decided.
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
    private final Listeners listeners;
    private final @Nullable Guard guard;
    private final @Nullable KeySecret secret;
    private volatile @Nullable DecisionCounts counts;

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
        this.listeners = guard != null && guard.listeners().are(listeners)
                ? guard.listeners() : new Listeners(listeners);
        this.secret = secret;
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
        if (!listeners.isEmpty()) {
            return await(acquireAsync(policy, key, permits));
        }
        Ask.requireNotNegative(permits);
        Decision decision = backend.acquireBlocking(policy, concealed(key), permits);
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(policy, LimitType.CODE, permits, decision);
        }
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
        if (isUnwatched()) {
            Ask.requireNotNegative(permits);
            return answer(policy, concealed(key), permits);
        }
        return acquireAsync(new Ask(policy, key, permits));
    }

    private boolean isUnwatched() {
        return listeners.isEmpty() && counts == null;
    }

    private CompletionStage<Decision> answer(Policy policy, String concealed, long permits) {
        return called(() -> backend.acquire(policy, concealed, permits));
    }

    private CompletionStage<Decision> acquireAsync(Ask asked) {
        Ask ask = concealed(asked);
        long begun = begun();
        CompletionStage<Decision> answer = answer(ask.policy(), ask.key(), ask.permits());
        if (isUnwatched()) {
            return answer;
        }
        if (answer instanceof CompletableFuture<Decision> made && made.isDone() && !made.isCompletedExceptionally()) {
            decided(ask, made.join(), since(begun));
            return answer;
        }
        return answer.whenComplete((made, failure) -> {
            if (failure != null) {
                listeners.failed(ask.policy(), ask.key(), failure, since(begun));
            } else {
                decided(ask, made, since(begun));
            }
        });
    }

    private void decided(Ask ask, Decision decision, long nanos) {
        DecisionCounts counting = counts;
        if (counting != null) {
            counting.count(ask.policy(), ask.type(), ask.permits(), decision);
        }
        if (!listeners.isEmpty()) {
            listeners.decided(ask, decision, nanos);
        }
    }

    /** When something begins that listeners are told the duration of; looking at the clock takes as long as deciding. */
    private long begun() {
        return listeners.isEmpty() ? 0 : System.nanoTime();
    }

    private long since(long begun) {
        return listeners.isEmpty() ? 0 : System.nanoTime() - begun;
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
        List<Ask> concealed = concealed(asks);
        DecisionCounts counting = counts;
        long begun = begun();
        return called(() -> backend.acquireAll(concealed)).handle((each, failure) -> {
            if (failure != null) {
                listeners.failed(concealed, failure, since(begun));
                throw new CompletionException(Listeners.unwrapped(failure));
            }
            Decisions made = new Decisions(asks, each);
            if (counting != null) {
                counting.count(made);
            }
            if (!listeners.isEmpty()) {
                listeners.decided(new Decisions(concealed, each), since(begun));
            }
            return made;
        });
    }

    /**
     * Takes permits under several policies, or none under any, for a caller whose thread must not wait, such as an event
     * loop's. If the backend has not answered at once, the policies' {@link OnError} decide instead, provided the backend
     * is behind a {@link Guard}; the backend's own answer may then cost the permits once more.
     *
     * @param asks what is asked
     * @return the decisions
     * @throws RateLimitBackendException if the backend failed
     */
    public Decisions acquireAllAtOnce(List<Ask> asks) {
        CompletableFuture<Decisions> answer = acquireAllAsync(asks).toCompletableFuture();
        if (answer.isDone() || guard == null) {
            return await(answer);
        }
        return new Decisions(asks, guard.allWithout(concealed(asks)));
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
     * What asking for permits would be answered now, without taking any.
     *
     * @param policy  the policy
     * @param key     who is limited
     * @param permits the cost to judge, 0 or more; with 0, simply how the key stands
     * @return the decision to come
     * @throws IllegalArgumentException if permits are negative
     */
    public CompletionStage<Decision> peekAsync(Policy policy, String key, long permits) {
        Ask.requireNotNegative(permits);
        return called(() -> backend.peek(policy, concealed(key), permits));
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
        return called(() -> backend.refund(policy, concealed(key), permits));
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
        return called(() -> backend.block(policy, concealed(key), LimitText.micros(duration)));
    }

    /**
     * Forgets a key: every permit is free again, and a block is lifted.
     *
     * @param policy the policy
     * @param key    who is limited
     * @throws RateLimitBackendException if the backend failed
     */
    public void reset(Policy policy, String key) {
        await(resetAsync(policy, key));
    }

    /**
     * Forgets a key: every permit is free again, and a block is lifted.
     *
     * @param policy the policy
     * @param key    who is limited
     * @return completes when done
     */
    public CompletionStage<Void> resetAsync(Policy policy, String key) {
        return called(() -> backend.reset(policy, concealed(key)));
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
    public synchronized DecisionCounts counts() {
        DecisionCounts counting = counts;
        if (counting == null) {
            counting = new DecisionCounts();
            counts = counting;
        }
        return counting;
    }

    /**
     * How this limiter and what it stands on are doing.
     *
     * @return numbers as of now
     */
    public LimiterStats stats() {
        return new Survey(listeners).of(backend);
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
