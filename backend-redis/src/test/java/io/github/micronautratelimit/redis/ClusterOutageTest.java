package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisCluster;
import io.github.micronautratelimit.redis.server.TcpProxy;
import io.lettuce.core.cluster.SlotHash;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Limiters with a guard on a cluster of three masters without replicas, of which one dies or hangs. The cases mostly
 * wait, so they are concurrent, and each has a cluster of its own.
 */
@NeedsRedis(ofItsOwn = true)
class ClusterOutageTest {

    private static final int LIMIT = 1_000_000;
    /** So long that a busy machine does not exceed it. */
    private static final Duration LONG = Duration.ofSeconds(20);

    /** The timeout of commands, where a test needs them to time out. */
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private static final Policy HEALTHY =
            Policy.of("healthy", LIMIT + "/366day fixed").withDeadline(LONG).withOnError(OnError.CLOSED);
    private static final Policy FAILING = HEALTHY.withDeadline(Duration.ofMillis(50));
    private static final int OPENED_AND_PROBED_THREE_TIMES = 7;

    private static LogLines log;

    private final RedisCluster cluster = RedisCluster.start("cluster-require-full-coverage no");

    @BeforeAll
    static void recordLog() {
        log = new LogLines();
    }

    @AfterAll
    static void stopRecording() {
        log.close();
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    private RateLimiter limiter(Duration timeout) {
        RedisConnection connection = new RedisConnection(
                RedisConnectionSettings.parse("redis.uris", List.of(cluster.uri()), true)
                        .withOptions(timeout, null),
                null,
                RedisBackend::loadScripts);
        connection.awaitFirstAttempt(LONG);
        return RateLimiter.builder(new RedisBackend(connection, "rl"))
                .name("redis")
                .deadline(Duration.ofSeconds(1))
                .build();
    }

    private static int slot(String key) {
        return SlotHash.getSlot(KeyHash.brief(key).getBytes(StandardCharsets.UTF_8));
    }

    private String keyOf(int node) {
        return Stream.generate(() -> UUID.randomUUID().toString())
                .filter(key -> cluster.owner(slot(key)) == node)
                .findFirst()
                .orElseThrow();
    }

    private static LimiterStats.Store statsOf(RateLimiter limiter) {
        LimiterStats.Store stats = limiter.stats().store();
        assertNotNull(stats);
        return stats;
    }

    /** Keys on healthy nodes, whose decisions are those of the store, each exactly one permit after the one before. */
    private static final class HealthyKeys {

        private final RateLimiter limiter;
        private final List<String> keys;
        private int taken;

        HealthyKeys(RateLimiter limiter, List<String> keys) {
            this.limiter = limiter;
            this.keys = keys;
        }

        void acquire() {
            taken++;
            for (String key : keys) {
                Decision decision = limiter.tryAcquire(HEALTHY, key);
                assertEquals(Decision.Source.STORE, decision.source());
                assertEquals(LIMIT - taken, decision.remaining());
            }
        }
    }

    /** Node 0 is the one that the configuration names. */
    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @CsvSource({"2, true", "2, false", "0, true", "0, false"})
    void keysOnOtherNodesAreDecidedByTheStoreWhileANodeIsAway(int node, boolean killed) {
        List<String> keys = IntStream.range(0, 3).mapToObj(this::keyOf).toList();
        String away = keys.get(node);
        try (RateLimiter limiter = limiter(LONG)) {
            HealthyKeys healthy = new HealthyKeys(
                    limiter, keys.stream().filter(key -> !key.equals(away)).toList());
            healthy.acquire();
            assertEquals(
                    Decision.Source.STORE, limiter.tryAcquire(HEALTHY, away).source());
            if (killed) {
                cluster.process(node).kill();
            } else {
                cluster.process(node).pause();
            }
            try {
                while (statsOf(limiter).transitions() < OPENED_AND_PROBED_THREE_TIMES) {
                    Decision decision = limiter.tryAcquire(FAILING, away);
                    assertEquals(Decision.Source.FALLBACK, decision.source());
                    assertFalse(decision.allowed());
                    healthy.acquire();
                }
                assertTrue(statsOf(limiter).inOutage());
            } finally {
                if (killed) {
                    cluster.process(node).restart();
                } else {
                    cluster.process(node).resume();
                }
            }
            Eventually.await("the node decides again", () -> {
                healthy.acquire();
                return limiter.tryAcquire(HEALTHY, away).source() == Decision.Source.STORE;
            });
            Eventually.await("the outage is over", () -> !statsOf(limiter).inOutage());
            healthy.acquire();
            List<String> connected = log.ofConnection().stream()
                    .filter(line ->
                            line.contains("127.0.0.1:" + cluster.process(0).port() + " "))
                    .toList();
            assertEquals(1, connected.size(), "connected once: " + log.ofConnection());
        }
    }

    /** The case after a failover: the topology is read from the nodes that reply. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void keysThatMoveAwayFromAHungNodeAreDecidedByTheirNewNode() {
        String key = keyOf(2);
        try (RateLimiter limiter = limiter(TIMEOUT)) {
            HealthyKeys healthy = new HealthyKeys(limiter, List.of(keyOf(0), keyOf(1)));
            healthy.acquire();
            assertEquals(LIMIT - 3, limiter.tryAcquire(HEALTHY, key, 3).remaining());
            cluster.process(2).pause();
            try {
                assertEquals(
                        Decision.Source.FALLBACK,
                        limiter.tryAcquire(FAILING, key).source());
                String owner = cluster.node(1).clusterMyId();
                cluster.node(1).clusterSetSlotNode(slot(key), owner);
                cluster.node(0).clusterSetSlotNode(slot(key), owner);
                Eventually.await("the new node decides", () -> {
                    healthy.acquire();
                    return limiter.tryAcquire(FAILING, key).source() == Decision.Source.STORE;
                });
                assertTrue(limiter.tryAcquire(HEALTHY, key).remaining() > LIMIT - 100, "the state was left behind");
                Eventually.await("the outage is over", () -> !statsOf(limiter).inOutage());
            } finally {
                cluster.process(2).resume();
            }
        }
        Eventually.await("node 2 has taken its slot back", () -> cluster.owner(slot(key)) == 2);
    }

    /** The host seems to have disappeared and come back: the client waits for replies on a connection that is lost. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void lostConnectionToANodeIsReplacedWhileTheOthersStayInUse() {
        int port = cluster.process(1).port();
        try (TcpProxy proxy = new TcpProxy(port)) {
            announce(URI.create(proxy.uri()).getPort());
            String lost = keyOf(1);
            try (RateLimiter limiter = limiter(TIMEOUT)) {
                HealthyKeys healthy = new HealthyKeys(limiter, List.of(keyOf(0), keyOf(2)));
                healthy.acquire();
                assertEquals(
                        Decision.Source.STORE, limiter.tryAcquire(HEALTHY, lost).source());
                AtomicBoolean first = new AtomicBoolean(true);
                proxy.let(command ->
                        command.equals("EVALSHA") && first.getAndSet(false) ? TcpProxy.Fate.DEAF : TcpProxy.Fate.PASS);
                assertEquals(
                        Decision.Source.FALLBACK,
                        limiter.tryAcquire(FAILING, lost).source());
                Eventually.await("the node decides again", () -> {
                    healthy.acquire();
                    return limiter.tryAcquire(FAILING, lost).source() == Decision.Source.STORE;
                });
                healthy.acquire();
            }
        } finally {
            announce(0);
        }
    }

    /** Makes node 1 announce another port, 0 for its own, and waits until the other nodes know it. */
    private void announce(int port) {
        cluster.node(1).configSet("cluster-announce-port", Integer.toString(port));
        String known = "127.0.0.1:" + (port == 0 ? cluster.process(1).port() : port) + "@";
        Eventually.await("the other nodes know the port", () -> Stream.of(0, 2)
                .allMatch(node -> cluster.node(node).clusterNodes().contains(known)));
    }
}
