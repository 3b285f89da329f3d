package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

/**
 * The keys that occur most often, found in bounded memory: the Space-Saving algorithm (Metwally, Agrawal and El Abbadi,
 * 2005), over occurrences that count for less the longer ago they are, halved with each half-life.
 *
 * <p>There are so many places. A key without one takes over that of the least, with its count: so much of a count may be
 * another key's, and what is told of a key is the rest, never more than the truth. A key that makes up more than its share
 * of all occurrences, one in so many places, always has a place.
 *
 * <p>Safe for use by any number of threads.
 */
final class HeavyHitters {

    /** Below so many a second, a key is not told of: it has not occurred lately. */
    private static final double LEAST_PER_SECOND = 1e-3;
    /** So many half-lives from the origin of time on, an occurrence weighs 2 to that power; then the origin is moved. */
    private static final double MOST_HALF_LIVES = 64;

    private final double halfLifeNanos;
    private final LongSupplier nanos;
    private final Map<Key, Integer> places = new HashMap<>();
    private final @Nullable Key[] keys;
    private final double[] counts;
    private final double[] others;
    private long origin;

    /** A key of a policy. */
    private record Key(String policy, String keyHash) {
    }

    /**
     * A key that occurs often.
     *
     * @param policy    the policy
     * @param keyHash   the key, hashed
     * @param perSecond how often it occurs, at least; older occurrences count for less
     */
    record Hitter(String policy, String keyHash, double perSecond) {
    }

    /**
     * Keeps counts.
     *
     * @param places   how many
     * @param halfLife after how long an occurrence counts half
     * @param nanos    tells the time that passes, as {@link System#nanoTime}
     */
    HeavyHitters(int places, Duration halfLife, LongSupplier nanos) {
        this.halfLifeNanos = halfLife.toNanos();
        this.nanos = nanos;
        this.keys = new Key[places];
        this.counts = new double[places];
        this.others = new double[places];
        this.origin = nanos.getAsLong();
    }

    /** Counts an occurrence. */
    void add(String policy, String keyHash) {
        add(new Key(policy, keyHash));
    }

    private synchronized void add(Key key) {
        double weight = weightNow();
        Integer known = places.get(key);
        if (known != null) {
            counts[known] += weight;
            return;
        }
        int least = least();
        places.remove(keys[least]);
        places.put(key, least);
        keys[least] = key;
        others[least] = counts[least];
        counts[least] += weight;
    }

    /** The keys that occur most often, first the one that does so most. */
    synchronized List<Hitter> top(int most) {
        double perSecond = Math.log(2) / (halfLifeNanos / 1e9) / weightNow();
        return IntStream.range(0, keys.length)
                .filter(place -> keys[place] != null)
                .mapToObj(place -> {
                    Key key = Objects.requireNonNull(keys[place]);
                    return new Hitter(key.policy, key.keyHash, (counts[place] - others[place]) * perSecond);
                })
                .filter(hitter -> hitter.perSecond >= LEAST_PER_SECOND)
                .sorted(Comparator.comparingDouble(Hitter::perSecond).reversed())
                .limit(most).toList();
    }

    private int least() {
        int least = 0;
        for (int place = 1; place < counts.length; place++) {
            if (counts[place] < counts[least]) {
                least = place;
            }
        }
        return least;
    }

    /** What an occurrence weighs now, where one at the origin of time weighs 1: instead of the old, the new are changed. */
    private double weightNow() {
        long now = nanos.getAsLong();
        double halfLives = (now - origin) / halfLifeNanos;
        if (halfLives > MOST_HALF_LIVES) {
            double weight = Math.pow(2, -halfLives);
            for (int place = 0; place < counts.length; place++) {
                counts[place] *= weight;
                others[place] *= weight;
            }
            origin = now;
            return 1;
        }
        return Math.pow(2, halfLives);
    }
}
