package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Limits of every kind with few permits, so that a short history meets them. */
final class RandomLimits {

    private RandomLimits() {}

    /**
     * Returns one or two limits.
     *
     * @param random   the source
     * @param shortest the shortest period in microseconds
     * @param longest  the longest period in microseconds
     * @return the limits
     */
    static List<Limit> of(Random random, long shortest, long longest) {
        return IntStream.rangeClosed(0, random.nextInt(2))
                .mapToObj(index -> limit(random, random.nextLong(shortest, longest)))
                .toList();
    }

    private static Limit limit(Random random, long period) {
        long permits = random.nextLong(3, 15);
        return switch (random.nextInt(3)) {
            case 0 -> new TokenBucket(permits, period, random.nextLong(2, 20));
            case 1 -> new SlidingWindow(permits, period);
            default -> new FixedWindow(permits, period);
        };
    }
}
