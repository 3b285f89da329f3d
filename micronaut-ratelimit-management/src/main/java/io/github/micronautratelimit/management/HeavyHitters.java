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
 * Finds the most frequent keys in bounded memory, by the Space-Saving algorithm (Metwally, Agrawal and El Abbadi,
 * 2005). An occurrence loses half of its weight with each half-life, so recent occurrences count more.
 *
 * <p>The sketch has a fixed number of counters. A key without a counter replaces the key of the smallest counter and
 * inherits its count. The inherited part may belong to other keys, so reported frequencies exclude it: they are lower
 * bounds. With {@code n} counters, a key that causes more than 1/n of all occurrences always has a counter.
 *
 * <p>Safe for use by any number of threads.
 */
final class HeavyHitters {

    /** The lowest reported frequency, in occurrences per second. */
    private static final double MIN_PER_SECOND = 1e-3;
    /** After this number of half-lives the origin of time moves, so that weights do not overflow. */
    private static final double MAX_HALF_LIVES = 64;

    private final double halfLifeNanos;
    private final LongSupplier nanos;
    private final Map<Key, Integer> counterOf = new HashMap<>();
    private final @Nullable Key[] keys;
    private final double[] counts;
    private final double[] inherited;
    private long origin;

    /** A key of a policy. */
    private record Key(String policy, String keyHash) {}

    /**
     * A frequent key.
     *
     * @param policy    the name of the policy
     * @param keyHash   the hash of the key
     * @param perSecond a lower bound of its occurrences per second; recent occurrences count more
     */
    record Hitter(String policy, String keyHash, double perSecond) {}

    /**
     * Creates an empty sketch.
     *
     * @param counters the number of counters
     * @param halfLife the time after which an occurrence has half of its weight
     * @param nanos    a clock such as {@link System#nanoTime}
     */
    HeavyHitters(int counters, Duration halfLife, LongSupplier nanos) {
        this.halfLifeNanos = halfLife.toNanos();
        this.nanos = nanos;
        this.keys = new Key[counters];
        this.counts = new double[counters];
        this.inherited = new double[counters];
        this.origin = nanos.getAsLong();
    }

    /** Counts an occurrence of a key. */
    void add(String policy, String keyHash) {
        add(new Key(policy, keyHash));
    }

    private synchronized void add(Key key) {
        double weight = weightNow();
        Integer known = counterOf.get(key);
        if (known != null) {
            counts[known] += weight;
            return;
        }
        int smallest = smallest();
        counterOf.remove(keys[smallest]);
        counterOf.put(key, smallest);
        keys[smallest] = key;
        inherited[smallest] = counts[smallest];
        counts[smallest] += weight;
    }

    /** Returns at most the given number of keys, the most frequent first. */
    synchronized List<Hitter> top(int maxKeys) {
        double perSecond = Math.log(2) / (halfLifeNanos / 1e9) / weightNow();
        return IntStream.range(0, keys.length)
                .filter(i -> keys[i] != null)
                .mapToObj(i -> {
                    Key key = Objects.requireNonNull(keys[i]);
                    return new Hitter(key.policy, key.keyHash, (counts[i] - inherited[i]) * perSecond);
                })
                .filter(hitter -> hitter.perSecond >= MIN_PER_SECOND)
                .sorted(Comparator.comparingDouble(Hitter::perSecond).reversed())
                .limit(maxKeys)
                .toList();
    }

    private int smallest() {
        int smallest = 0;
        for (int i = 1; i < counts.length; i++) {
            if (counts[i] < counts[smallest]) {
                smallest = i;
            }
        }
        return smallest;
    }

    /**
     * Returns the weight of an occurrence now; at the origin of time it is 1. New weights grow, so that old counts need
     * no update.
     */
    private double weightNow() {
        long now = nanos.getAsLong();
        double halfLives = (now - origin) / halfLifeNanos;
        if (halfLives <= MAX_HALF_LIVES) {
            return Math.pow(2, halfLives);
        }
        moveOrigin(now, Math.pow(2, -halfLives));
        return 1;
    }

    private void moveOrigin(long now, double factor) {
        for (int i = 0; i < counts.length; i++) {
            counts[i] *= factor;
            inherited[i] *= factor;
        }
        origin = now;
    }
}
