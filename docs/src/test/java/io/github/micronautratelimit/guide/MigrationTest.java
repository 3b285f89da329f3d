package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.bucket4j.TimeMeter;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.resilience4j.ratelimiter.RateLimiterConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.redisson.Redisson;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;
import redis.embedded.RedisServer;

/** Checks that the replacements in the chapter on migration allow as many requests as the originals. */
class MigrationTest {

    private final VirtualClock clock = VirtualClock.at(Instant.parse("2026-11-22T08:00:00Z"));
    private final MigratedMails ours =
            new MigratedMails(RateLimiter.builder(new MemoryBackend(clock, 100)).build());

    private static long allowed(int requests, Predicate<String> limiter, String user) {
        return IntStream.range(0, requests).filter(i -> limiter.test(user)).count();
    }

    @Test
    void bucket4jBucketIsARateWithABurst() {
        BucketMails theirs = new BucketMails(new Clock(clock));
        List<Duration> pauses = List.of(
                Duration.ZERO,
                Duration.ofSeconds(6),
                Duration.ofSeconds(5),
                Duration.ofSeconds(31),
                Duration.ofMinutes(1),
                Duration.ofHours(1),
                Duration.ofSeconds(18));
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
    void resilience4jPeriodIsAFixedWindow() {
        PeriodReports theirs = new PeriodReports();
        assertEquals(10, allowed(25, theirs::mayReport, "alice"));
        assertEquals(10, allowed(25, ours::mayReport, "alice"));
        assertEquals(10, allowed(25, theirs::mayReport, "bob"));
        assertEquals(10, allowed(25, ours::mayReport, "bob"));
    }

    @Test
    void resilience4jWaitsByDefault() {
        assertEquals(Duration.ofSeconds(5), RateLimiterConfig.ofDefaults().getTimeoutDuration());
        assertEquals(Duration.ofNanos(500), RateLimiterConfig.ofDefaults().getLimitRefreshPeriod());
        assertEquals(50, RateLimiterConfig.ofDefaults().getLimitForPeriod());
    }

    @Test
    void redissonLogIsASlidingWindow() throws IOException {
        int port = freePort();
        RedisServer server = RedisServer.newRedisServer()
                .port(port)
                .bind("127.0.0.1")
                .setting("save \"\"")
                .build();
        server.start();
        RedissonClient redisson = Redisson.create(config(port));
        try {
            LoggedCalls theirs = new LoggedCalls(redisson);
            assertEquals(10, allowed(25, theirs::mayCall, "alice"));
            assertEquals(10, allowed(25, theirs::mayCall, "bob"));
        } finally {
            redisson.shutdown();
            server.stop();
        }
        assertEquals(10, allowed(25, ours::mayCall, "alice"));
        assertEquals(10, allowed(25, ours::mayCall, "bob"));
        clock.advance(Duration.ofSeconds(59));
        assertEquals(0, allowed(25, ours::mayCall, "alice"));
        clock.advance(Duration.ofSeconds(2));
        assertEquals(10, allowed(25, ours::mayCall, "alice"));
    }

    private static Config config(int port) {
        Config config = new Config();
        config.useSingleServer()
                .setAddress("redis://127.0.0.1:" + port)
                .setConnectionPoolSize(2)
                .setConnectionMinimumIdleSize(1);
        return config;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
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
