package io.github.micronautratelimit.guide.pictures;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;

/** What a limiter answers to requests for one permit each, and how many permits it has left all the while. */
final class Run {

    /** Whole in hours, so in the windows of fixed limits too. */
    static final Instant START = Instant.parse("2026-11-22T08:00:00Z");

    private static final long LOOK_EVERY_MICROS = 10_000;

    /** How a request was answered. */
    record Mark(long micros, boolean granted) {
    }

    /** So many permits are left from an instant on. */
    record Level(long micros, long left) {
    }

    private final VirtualClock clock = VirtualClock.at(START);
    private final long start = clock.micros();
    private final RateLimiter limiter = new RateLimiter(new MemoryBackend(clock, 10), List.of());
    private final Policy policy;
    private final List<Mark> marks = new ArrayList<>();
    private final List<Level> levels = new ArrayList<>();

    Run(String limits) {
        policy = Policy.of("picture", limits);
        look();
    }

    /** Lets time pass, up to so many microseconds after the start. */
    Run until(long micros) {
        while (now() + LOOK_EVERY_MICROS < micros) {
            clock.advance(LOOK_EVERY_MICROS);
            look();
        }
        clock.set(start + micros);
        look();
        return this;
    }

    Decision ask() {
        Decision decision = limiter.acquire(policy, "key");
        marks.add(new Mark(now(), decision.allowed()));
        look();
        return decision;
    }

    /** Requests at even distances, the first of them at once when it begins. */
    Run requests(int count, long fromMicros, long everyMicros) {
        for (int i = 0; i < count; i++) {
            until(fromMicros + i * everyMicros);
            ask();
        }
        return this;
    }

    private void look() {
        long left = limiter.peek(policy, "key", 0).remaining();
        if (levels.isEmpty() || levels.get(levels.size() - 1).left() != left) {
            levels.add(new Level(now(), left));
        }
    }

    /** Microseconds since the start. */
    long now() {
        return clock.micros() - start;
    }

    String limits() {
        return policy.limits().stream().map(Object::toString).reduce((one, other) -> one + "; " + other).orElseThrow();
    }

    List<Mark> marks() {
        return marks;
    }

    List<Level> levels() {
        return levels;
    }

    /** How many requests were granted from one instant to before another. */
    long granted(long fromMicros, long toMicros) {
        return marks.stream().filter(mark -> mark.micros() >= fromMicros && mark.micros() < toMicros)
                .filter(Mark::granted).count();
    }

    long granted() {
        return marks.stream().filter(Mark::granted).count();
    }

    long denied() {
        return marks.size() - granted();
    }
}
