package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisCluster;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.redis.server.RedisSentinels;
import io.lettuce.core.RedisConnectionException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Backends that open and own their connection, as programs without Micronaut create them. */
@NeedsRedis(ofItsOwn = true)
class RedisBackendConnectTest {

    private static final Policy POLICY = Policy.of("p", "10/day");

    /** A busy machine may need longer to connect than {@code connect} waits, or longer to reply than the deadline. */
    private static RateLimiter limiter(RedisBackend backend) {
        RateLimiter limiter =
                RateLimiter.builder(backend).deadline(Duration.ofSeconds(20)).build();
        Eventually.await("Redis decides", () -> isFromStore(limiter.peek(POLICY, "key", 0)));
        return limiter;
    }

    private static boolean isFromStore(Decision decision) {
        return decision.source() == Decision.Source.STORE;
    }

    private static Decision acquire(RateLimiter limiter) {
        Decision decision = limiter.tryAcquire(POLICY, "key");
        assertEquals(Decision.Source.STORE, decision.source());
        return decision;
    }

    @Test
    void limiterOnAServerUsesTheDefaultNamespace() {
        try (RedisProcess server = RedisProcess.start();
                RedisClients clients = new RedisClients();
                RateLimiter limiter = limiter(RedisBackend.connect(server.uri()))) {
            assertEquals(9, acquire(limiter).remaining());
            assertTrue(clients.server(server.uri()).keys("*").get(0).startsWith("ratelimit:p:{"));
        }
    }

    @Test
    void limitersInOneNamespaceShareLimits() {
        try (RedisProcess server = RedisProcess.start();
                RateLimiter one = limiter(RedisBackend.connect(server.uri(), "shop"));
                RateLimiter two = limiter(RedisBackend.connect(server.uri(), "shop"));
                RateLimiter other = limiter(RedisBackend.connect(server.uri(), "cafe"))) {
            assertEquals(9, acquire(one).remaining());
            assertEquals(8, acquire(two).remaining());
            assertEquals(9, acquire(other).remaining());
        }
    }

    @Test
    void sentinelsNameTheMaster() {
        try (RedisSentinels sentinels = RedisSentinels.start();
                RateLimiter limiter = limiter(RedisBackend.connect(sentinels.uri()))) {
            assertEquals(9, acquire(limiter).remaining());
        }
    }

    @Test
    void oneNodeIsEnoughToConnectToACluster() {
        try (RedisCluster cluster = RedisCluster.start();
                RateLimiter limiter = limiter(RedisBackend.connectCluster(List.of(cluster.uri()), "shop"))) {
            for (int i = 0; i < 30; i++) {
                Decision decision = limiter.tryAcquire(POLICY, "key " + i);
                assertEquals(Decision.Source.STORE, decision.source());
                assertEquals(9, decision.remaining());
            }
        }
    }

    @Test
    void closedLimiterLeavesNoThreadAndCanBeClosedAgain() {
        Set<Thread> before = threads();
        try (RedisProcess server = RedisProcess.start()) {
            RedisBackend backend = RedisBackend.connect(server.uri());
            RateLimiter limiter = limiter(backend);
            assertEquals(9, acquire(limiter).remaining());
            limiter.close();
            limiter.close();
            backend.close();
            CompletionException e = assertThrows(CompletionException.class, () -> backend.acquire(POLICY, "key", 1)
                    .toCompletableFuture()
                    .join());
            assertEquals(RedisConnectionException.class, e.getCause().getClass());
        }
        Eventually.await("the threads of the client have ended", () -> before.containsAll(threads()));
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.isAlive() && thread.getName().startsWith("lettuce"))
                .collect(Collectors.toSet());
    }

    @Test
    void absentServerIsUsedOnceItHasStarted() {
        try (RedisProcess server = RedisProcess.absent();
                RateLimiter limiter =
                        RateLimiter.builder(RedisBackend.connect(server.uri())).build()) {
            assertEquals(
                    Decision.Source.FALLBACK, limiter.tryAcquire(POLICY, "key").source());
            server.restart();
            Eventually.await("Redis decides", () -> isFromStore(limiter.tryAcquire(POLICY, "other")));
        }
    }

    @Test
    void malformedUriIsRejectedWithoutRepeatingIt() {
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> RedisBackend.connect("http://user:sesame@host"));
        assertTrue(e.getMessage().startsWith("RedisBackend.connect: not a Redis URI; write one like"), e::getMessage);
        assertFalse(e.getMessage().contains("sesame"));
        assertThrows(IllegalArgumentException.class, () -> RedisBackend.connectCluster(List.of(), "shop"));
    }
}
