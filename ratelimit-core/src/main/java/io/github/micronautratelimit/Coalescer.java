package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Lets callers who wait on the same policy and key share one call to the store: a hot key then costs the store a call per
 * round trip, not per request.
 *
 * <p>The first call of an idle key goes straight through. Whoever comes while it is under way waits, and when its answer
 * is back all who wait go together, in the order in which they came, in one {@link RateLimitBackend#acquireEach}. Nothing
 * is delayed for the sake of company: there is no timer, and no lock. What is remembered of a key goes with its last
 * answer. Callers whose limits differ do not share a call, even if their policies have the same name.
 *
 * <p>A call that fails fails those it was made for, and no others. Nobody waits forever behind a call that never returns:
 * whoever finds a call older than the patience, or {@value #MOST_WAITING} callers waiting, takes all of them along in a
 * new call beside it. Who has by then waited longer than the patience is not asked for any more and fails, uncharged: a
 * {@link Guard} above has answered such a caller long ago. Its deadline is the patience to choose; a policy's own deadline
 * goes first. Whoever cancels his stage while he waits is not asked for either, and disturbs nobody.
 *
 * <p>Looks, refunds, resets, requests under several policies and lists of requests pass through.
 */
public final class Coalescer implements RateLimitBackend, InFront {

    /** The most callers that wait for one call, and that share the next. */
    static final int MOST_WAITING = 1000;

    private final RateLimitBackend store;
    private final long patienceNanos;
    private final ConcurrentHashMap<Lane.Name, Lane> lanes = new ConcurrentHashMap<>();
    private final LongAdder decisions = new LongAdder();
    private final LongAdder calls = new LongAdder();

    /**
     * A coalescer.
     *
     * @param store    decides; closed with this
     * @param patience how long a caller waits behind a call that is under way, 1 ms or more; the deadline of calls is right
     */
    public Coalescer(RateLimitBackend store, Duration patience) {
        if (patience.compareTo(Duration.ofMillis(1)) < 0) {
            throw new IllegalArgumentException("The patience of a coalescer is 1ms or more, not " + patience + ".");
        }
        this.store = store;
        this.patienceNanos = 1_000 * LimitText.micros(patience);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        Lane.Name name = new Lane.Name(policy, key);
        Lane fresh = new Lane(this, name, System.nanoTime());
        Lane found = lanes.putIfAbsent(name, fresh);
        if (found == null) {
            return fresh.goAlone(permits);
        }
        Lane.Waiting caller = new Lane.Waiting(permits, fresh.calledAt());
        while (found != null && !found.join(caller)) {
            // What could not be joined is closed: by its last answer, or by one who ran out of patience with it.
            found = lanes.replace(name, found, fresh) ? null : lanes.putIfAbsent(name, fresh);
        }
        if (found == null) {
            fresh.go(List.of(caller));
        } else if (found.isStuck(caller)) {
            passBy(found, name);
        }
        return caller.answer();
    }

    /** Those who wait behind a call that does not return go on beside it. */
    private void passBy(Lane stuck, Lane.Name name) {
        List<Lane.Waiting> all = stuck.close();
        if (!all.isEmpty()) {
            Lane fresh = new Lane(this, name, System.nanoTime());
            lanes.replace(name, stuck, fresh);
            fresh.go(all);
        }
    }

    RateLimitBackend store() {
        return store;
    }

    /** The store is called once for so many. */
    void called(int callers) {
        decisions.add(callers);
        calls.increment();
    }

    @Override
    public RateLimitBackend of() {
        return store;
    }

    @Override
    public LimiterStats.Sharing sharing() {
        return new LimiterStats.Sharing(decisions.sum(), calls.sum());
    }

    long patienceNanos(Policy policy) {
        Duration own = policy.deadline();
        return own == null ? patienceNanos : 1_000 * LimitText.micros(own);
    }

    void forget(Lane lane) {
        lanes.remove(lane.name(), lane);
    }

    /** The policies and keys that a call is under way for. */
    int lanes() {
        return lanes.size();
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        return store.acquireEach(policy, key, permits);
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return store.acquireAll(asks);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return store.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return store.refund(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        return store.block(policy, key, micros);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return store.reset(policy, key);
    }

    @Override
    public Duration deadline() {
        return store.deadline();
    }

    @Override
    public LeaseBackend leases() {
        return store.leases();
    }

    @Override
    public void close() {
        store.close();
    }
}
