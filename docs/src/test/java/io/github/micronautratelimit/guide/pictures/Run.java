package io.github.micronautratelimit.guide.pictures;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** The decisions of a limiter on requests for one permit each, and its remaining permits over time. */
final class Run {

    /** A full hour, at which all windows of fixed limits start. */
    static final Instant START = Instant.parse("2026-11-22T08:00:00Z");

    private static final long SAMPLE_MICROS = 10_000;

    /** A decision at an instant. */
    record Mark(long micros, boolean granted) {}

    /** The remaining permits or slots from an instant on. */
    record Level(long micros, long remaining) {}

    private final VirtualClock clock = VirtualClock.at(START);
    private final long start = clock.micros();
    private final RateLimiter limiter =
            RateLimiter.builder(new MemoryBackend(clock, 10)).build();
    private final Policy policy;
    private final List<Mark> marks = new ArrayList<>();
    private final List<Level> levels = new ArrayList<>();

    Run(String limits) {
        policy = Policy.of("picture", limits);
        sample();
    }

    /** Moves the clock to an instant after the start. */
    Run until(long micros) {
        while (now() + SAMPLE_MICROS < micros) {
            clock.advance(SAMPLE_MICROS);
            sample();
        }
        clock.set(start + micros);
        sample();
        return this;
    }

    Decision request() {
        Decision decision = limiter.tryAcquire(policy, "key");
        marks.add(new Mark(now(), decision.allowed()));
        sample();
        return decision;
    }

    /** Sends requests at even intervals, the first one at {@code fromMicros}. */
    Run requests(int count, long fromMicros, long everyMicros) {
        for (int i = 0; i < count; i++) {
            until(fromMicros + i * everyMicros);
            request();
        }
        return this;
    }

    private void sample() {
        long remaining = limiter.peek(policy, "key", 0).remaining();
        if (levels.isEmpty() || levels.get(levels.size() - 1).remaining() != remaining) {
            levels.add(new Level(now(), remaining));
        }
    }

    /** Returns the microseconds since the start. */
    long now() {
        return clock.micros() - start;
    }

    String limits() {
        return policy.rateLimits().stream()
                .map(Object::toString)
                .reduce((one, other) -> one + "; " + other)
                .orElseThrow();
    }

    List<Mark> marks() {
        return marks;
    }

    List<Level> levels() {
        return levels;
    }

    /** Returns the number of granted requests from one instant until before another. */
    long granted(long fromMicros, long toMicros) {
        return marks.stream()
                .filter(mark -> mark.micros() >= fromMicros && mark.micros() < toMicros)
                .filter(Mark::granted)
                .count();
    }

    long granted() {
        return marks.stream().filter(Mark::granted).count();
    }

    long denied() {
        return marks.size() - granted();
    }
}
