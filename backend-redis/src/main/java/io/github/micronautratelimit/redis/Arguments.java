package io.github.micronautratelimit.redis;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.TokenBucket;

/** What {@code decide.lua} is told, in the order its header lists. */
final class Arguments {

    /** The script's numbers are exact to 2^53; more than this is denied, or given back, alike. */
    private static final long MOST_PERMITS = Limit.MAX_PERMITS + 1;

    private final List<byte[]> arguments = new ArrayList<>();

    private Arguments() {
    }

    static byte[][] of(String operation, @Nullable MicroClock clock, List<Ask> asks) {
        Arguments all = new Arguments();
        all.add(operation);
        all.add(clock == null ? "" : Long.toString(clock.micros()));
        for (Ask ask : asks) {
            all.add(Math.min(ask.permits(), MOST_PERMITS));
            all.add(ask.policy().limits().size());
            ask.policy().limits().forEach(all::add);
        }
        return all.arguments.toArray(byte[][]::new);
    }

    private void add(Limit limit) {
        add(limit instanceof TokenBucket ? "t" : limit instanceof FixedWindow ? "f" : "s");
        add(limit.permits());
        add(limit.periodMicros());
        if (limit instanceof TokenBucket bucket) {
            add(bucket.burst());
            add(divisor(bucket));
        }
    }

    private void add(long number) {
        add(Long.toString(number));
    }

    private void add(String text) {
        arguments.add(text.getBytes(StandardCharsets.US_ASCII));
    }

    /** The greatest common divisor of a bucket's permits and period. */
    static long divisor(TokenBucket bucket) {
        return bucket.periodMicros() / bucket.unitsPerPermit();
    }
}
