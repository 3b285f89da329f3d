package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import io.github.bucket4j.TimeMeter;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;

/** What the chapter on migration says is written instead allows as many requests as what was there before. */
class MigrationTest {

    private final VirtualClock clock = VirtualClock.at(Instant.parse("2026-11-22T08:00:00Z"));
    private final MigratedMails ours = new MigratedMails(new RateLimiter(new MemoryBackend(clock, 100), List.of()));

    private static long allowed(int requests, Predicate<String> limiter, String user) {
        return IntStream.range(0, requests).filter(i -> limiter.test(user)).count();
    }

    @Test
    void aBucketOfBucket4jIsARateWithABurst() {
        BucketMails theirs = new BucketMails(new Clock(clock));
        List<Duration> pauses = List.of(Duration.ZERO, Duration.ofSeconds(6), Duration.ofSeconds(5), Duration.ofSeconds(31),
                Duration.ofMinutes(1), Duration.ofHours(1), Duration.ofSeconds(18));
        List<Long> before = new ArrayList<>();
        List<Long> after = new ArrayList<>();
        for (Duration pause : pauses) {
            clock.advance(pause);
            before.add(allowed(30, theirs::maySend, "alice"));
            after.add(allowed(30, ours::maySend, "alice"));
        }
        assertEquals(List.of(20L, 1L, 0L, 6L, 10L, 20L, 3L), before);
        assertEquals(before, after);
    }

    @Test
    void aPeriodOfResilience4jIsAFixedWindow() {
        PeriodReports theirs = new PeriodReports();
        assertEquals(10, allowed(25, theirs::mayReport, "alice"));
        assertEquals(10, allowed(25, ours::mayReport, "alice"));
        assertEquals(10, allowed(25, theirs::mayReport, "bob"));
        assertEquals(10, allowed(25, ours::mayReport, "bob"));
    }

    @Test
    void resilience4jWaitsUnlessToldOtherwise() {
        assertEquals(Duration.ofSeconds(5), RateLimiterConfig.ofDefaults().getTimeoutDuration());
        assertEquals(Duration.ofNanos(500), RateLimiterConfig.ofDefaults().getLimitRefreshPeriod());
        assertEquals(50, RateLimiterConfig.ofDefaults().getLimitForPeriod());
    }

    @Test
    void noIntervalHasMoreThanASlidingWindowAllows() {
        assertEquals(10, allowed(25, ours::mayCall, "alice"));
        clock.advance(Duration.ofMillis(900));
        assertEquals(0, allowed(25, ours::mayCall, "alice"));
        clock.advance(Duration.ofMillis(120));
        assertEquals(10, allowed(25, ours::mayCall, "alice"));
    }

    private record Clock(VirtualClock clock) implements TimeMeter {

        @Override
        public long currentTimeNanos() {
            return TimeUnit.MICROSECONDS.toNanos(clock.micros());
        }

        @Override
        public boolean isWallClockBased() {
            return true;
        }
    }
}
