package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

/**
 * Stands between the application and a store: what the store has denied is denied here, until the instant the store
 * named. Such denials say {@link Decision.Source#DENY_CACHE}, and come with the time that is left.
 *
 * <p>A denial is reused for requests of the same cost under the same limits. A cheaper one may pass and a dearer one has
 * to wait longer, so both go to the store; of several costs denied, the least is remembered. A denial is counted from
 * when it was asked for, which is never later than when the store decided it, and is forgotten when the key is refunded,
 * blocked or reset through this process or asked for under other limits. Nothing is denied here that the store would grant, but
 * for what another process gives back: of its refunds, resets and changes of limits nothing is known here, and they take
 * effect when the denial has reached the greatest age.
 *
 * <p>At most 10 000 keys are remembered, of long ones only a hash.
 */
public final class DenyCache implements RateLimitBackend, InFront {

    static final int MAX_KEYS = 10_000;

    private static final int LONGEST_PLAIN_KEY = 64;
    private static final int STRIPES = 256;

    private final RateLimitBackend store;
    private final MicroClock clock;
    private final long maxAgeMicros;
    private final Cache<Place, Denial> denials =
            Caffeine.newBuilder().maximumSize(MAX_KEYS).executor(Runnable::run).build();
    /**
     * How often something was given back to keys, or they were blocked, by their hash. A denial is kept only if nothing was
     * while the store was asked: it may be from before.
     */
    private final AtomicIntegerArray givenBack = new AtomicIntegerArray(STRIPES);
    private final LongAdder hits = new LongAdder();

    private record Place(String policy, String key) {

        static Place of(String policy, String key) {
            // No plain key is as long as a hash with its mark.
            return new Place(policy, key.length() <= LONGEST_PLAIN_KEY ? key : "#" + KeyHash.of(key));
        }
    }

    /** That so many permits were denied, until when it holds, and until when it is believed. */
    private record Denial(List<Limit> limits, long permits, long retryAtMicros, long believedToMicros,
                          Decision.Denied decision, long resetAtMicros) {

        boolean isOver(long now) {
            return now >= retryAtMicros || now >= believedToMicros;
        }

        Decision at(long now) {
            return new Decision.Denied(decision.remaining(), retryAtMicros - now, Math.max(0, resetAtMicros - now),
                    decision.deniedBy(), Decision.Source.DENY_CACHE);
        }
    }

    /**
     * A deny cache.
     *
     * @param store  the backend asked with what is not known to be denied, or a {@link Guard} around it
     * @param clock  tells how much time has passed; must not go back
     * @param maxAge how long a denial is believed at most, more than 0
     */
    public DenyCache(RateLimitBackend store, MicroClock clock, Duration maxAge) {
        this.store = store;
        this.clock = clock;
        this.maxAgeMicros = LimitText.micros(maxAge);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        Place place = Place.of(policy.name(), key);
        long now = clock.micros();
        Decision known = known(place, policy, permits, now);
        if (known != null) {
            hits.increment();
            return CompletableFuture.completedFuture(known);
        }
        int before = givenBack.get(stripe(place));
        return store.acquire(policy, key, permits).thenApply(decision -> {
            remember(place, policy, permits, decision, now, before);
            return decision;
        });
    }

    @Override
    public Decision acquireBlocking(Policy policy, String key, long permits) {
        Place place = Place.of(policy.name(), key);
        long now = clock.micros();
        Decision known = known(place, policy, permits, now);
        if (known != null) {
            hits.increment();
            return known;
        }
        int before = givenBack.get(stripe(place));
        Decision decision = store.acquireBlocking(policy, key, permits);
        remember(place, policy, permits, decision, now, before);
        return decision;
    }

    /** If one is known to be denied, nothing is known of how the others stand: they are said to have 0 remaining. */
    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        long now = clock.micros();
        List<Place> places = new ArrayList<>(asks.size());
        List<Decision> decisions = new ArrayList<>(asks.size());
        int[] before = new int[asks.size()];
        boolean denied = false;
        for (Ask ask : asks) {
            Place place = Place.of(ask.policy().name(), ask.key());
            Decision known = known(place, ask.policy(), ask.permits(), now);
            denied |= known != null;
            before[places.size()] = givenBack.get(stripe(place));
            places.add(place);
            decisions.add(known != null ? known : new Decision.Allowed(0, 0, Decision.Source.DENY_CACHE));
        }
        if (denied) {
            hits.increment();
            return CompletableFuture.completedFuture(decisions);
        }
        return store.acquireAll(asks).thenApply(made -> {
            for (int i = 0; i < made.size(); i++) {
                // Asked for twice in one request, a key may be denied for what the same request takes.
                if (places.indexOf(places.get(i)) == places.lastIndexOf(places.get(i))) {
                    remember(places.get(i), asks.get(i).policy(), asks.get(i).permits(), made.get(i), now, before[i]);
                }
            }
            return made;
        });
    }

    private @Nullable Decision known(Place place, Policy policy, long permits, long now) {
        Denial denial = denials.getIfPresent(place);
        if (denial == null) {
            return null;
        }
        if (!denial.limits.equals(policy.limits())) {
            denials.asMap().remove(place, denial);
            return null;
        }
        return denial.permits != permits || denial.isOver(now) ? null : denial.at(now);
    }

    private void remember(Place place, Policy policy, long permits, Decision decision, long askedAt, int before) {
        if (!(decision instanceof Decision.Denied denied) || denied.source() != Decision.Source.STORE
                || denied.retryAfterMicros() <= 0) {
            return;
        }
        Denial present = denials.getIfPresent(place);
        if (present != null && present.permits < permits && present.limits.equals(policy.limits())
                && !present.isOver(clock.micros())) {
            return;
        }
        denials.put(place, new Denial(policy.limits(), permits, askedAt + denied.retryAfterMicros(),
                askedAt + maxAgeMicros, denied, askedAt + denied.resetAfterMicros()));
        // Looked at after it is put: whoever gives back later forgets it.
        if (givenBack.get(stripe(place)) != before) {
            denials.invalidate(place);
        }
    }

    /** The requests denied here. */
    long hits() {
        return hits.sum();
    }

    /** The keys remembered now. */
    long keys() {
        denials.cleanUp();
        return denials.estimatedSize();
    }

    private void forget(Place place) {
        givenBack.incrementAndGet(stripe(place));
        denials.invalidate(place);
    }

    private static int stripe(Place place) {
        int hash = place.hashCode();
        return (hash ^ hash >>> 16) & STRIPES - 1;
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return store.peek(policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        Place place = Place.of(policy.name(), key);
        return store.refund(policy, key, permits).whenComplete((done, failure) -> forget(place));
    }

    /** What is known to be denied may be denied for longer now. */
    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        Place place = Place.of(policy.name(), key);
        return store.block(policy, key, micros).whenComplete((done, failure) -> forget(place));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        Place place = Place.of(policy.name(), key);
        return store.reset(policy, key).whenComplete((done, failure) -> forget(place));
    }

    @Override
    public RateLimitBackend of() {
        return store;
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
