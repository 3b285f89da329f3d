package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.RedisClients;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process holds its slots while it is alive, and at most one lease time longer. */
@NeedsRedis
class KilledHolderTest {

    private static final String LIMITS = "5 concurrent lease 3s";
    private static final Duration LEASE = Duration.ofSeconds(3);
    /** A busy machine may need this much longer. */
    private static final Duration SLACK = Duration.ofSeconds(20);

    @Test
    @Timeout(value = 3, unit = TimeUnit.MINUTES)
    void slotsAreHeldWhileTheProcessLivesAndExpireAfterItIsKilled() throws IOException, InterruptedException {
        String namespace = "killed-" + UUID.randomUUID();
        Policy policy = Policy.of("p", LIMITS);
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        classPath,
                        Holder.class.getName(),
                        RedisServer.uri(),
                        namespace,
                        LIMITS)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (RedisClients clients = new RedisClients()) {
            RateLimiter limiter = RateLimiter.builder(new RedisBackend(clients.connect(RedisServer.uri()), namespace))
                    .unguarded()
                    .build();
            assertEquals("holds 5", line(process));
            long lives = System.nanoTime() + 2 * LEASE.toNanos();
            while (System.nanoTime() - lives < 0) {
                assertFalse(limiter.lease(policy, "key").allowed(), "slots are renewed beyond the lease time");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
            }
            process.destroyForcibly().waitFor();
            long killed = System.nanoTime();
            int free = 0;
            while (free < 5) {
                Lease lease = limiter.lease(policy, "key");
                free += lease.allowed() ? 1 : 0;
                long late = System.nanoTime() - killed - LEASE.plus(SLACK).toNanos();
                assertTrue(late < 0, "The slots of a dead process are still held.");
            }
            assertFalse(limiter.lease(policy, "key").allowed(), "more than five slots");
            limiter.reset(policy, "key");
            assertEquals(List.of(), Redis.server().keys(namespace + ":*"));
        } finally {
            process.destroyForcibly();
        }
    }

    private static String line(Process process) throws IOException {
        BufferedReader in = process.inputReader(StandardCharsets.UTF_8);
        String line = in.readLine();
        while (line != null && !line.startsWith("holds ")) {
            line = in.readLine();
        }
        return String.valueOf(line);
    }
}
