package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisCluster;
import io.lettuce.core.cluster.SlotHash;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A cluster of three masters under load, while hash slots move, scripts are flushed and a node dies. */
@NeedsRedis(ofItsOwn = true)
class ClusterTest {

    private static final int LIMIT = 20_000;
    /** The periods are so long that no permit returns during a test. */
    private static final Policy POLICY = Policy.of("p", LIMIT + "/366day");

    private static final Policy OTHER = Policy.of("other", LIMIT + "/366day fixed; 30000/366day sliding");

    private static RedisCluster cluster;
    private static RedisClients clients;
    private static List<RedisBackend> backends;

    private final String key = UUID.randomUUID().toString();

    @BeforeAll
    static void start() {
        cluster = RedisCluster.start();
        clients = new RedisClients();
        backends = Stream.generate(() -> new RedisBackend(clients.connectCluster(cluster.uri()), "rl"))
                .limit(4)
                .toList();
    }

    @AfterAll
    static void stop() {
        clients.close();
        cluster.close();
    }

    private static int slot(String key) {
        return SlotHash.getSlot(KeyHash.brief(key).getBytes(StandardCharsets.UTF_8));
    }

    private static long remaining(Policy policy, String key) {
        return backends.get(0).peek(policy, key, 0).toCompletableFuture().join().remaining();
    }

    /** Returns a key whose hash slot a node owns. */
    private static String keyOf(int node) {
        return Stream.generate(() -> UUID.randomUUID().toString())
                .filter(key -> cluster.owner(slot(key)) == node)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyNodeGrantsExactlyTheLimit() {
        for (int node = 0; node < 3; node++) {
            String key = keyOf(node);
            try (Load load = Load.on(POLICY, key, backends)) {
                load.awaitDenied(100).end();
                assertEquals(LIMIT, load.granted());
                assertEquals(0, load.failed());
            }
        }
    }

    @Test
    void flushedScriptCostsNoPermits() {
        try (Load load = Load.on(POLICY, key, backends)) {
            for (int i = 0; i < 5; i++) {
                load.awaitDecided(200);
                cluster.node(cluster.owner(slot(key))).scriptFlush();
            }
            load.awaitDenied(100).end();
            assertEquals(LIMIT, load.granted());
            assertEquals(0, load.failed());
        }
    }

    /** The slot moves to a node that does not have the script. */
    @Test
    void movingHashSlotCostsNoPermits() {
        int from = cluster.owner(slot(key));
        int to = (from + 1) % 3;
        cluster.node(to).scriptFlush();
        try (Load load = Load.on(POLICY, key, backends)) {
            load.awaitDecided(200);
            cluster.beginMove(slot(key), from, to);
            load.awaitDecided(200);
            cluster.moveKeys(slot(key), from, to);
            load.awaitDecided(200);
            cluster.endMove(slot(key), from, to);
            load.awaitDenied(100).end();
            assertEquals(LIMIT, load.granted());
            assertEquals(0, load.failed());
        }
        assertEquals(to, cluster.owner(slot(key)));
    }

    /** While the keys of a request are on two nodes, the cluster rejects the request, which then costs nothing. */
    @Test
    void requestUnderTwoPoliciesIsExactWhileItsHashSlotMoves() {
        int slot = slot(key);
        int from = cluster.owner(slot);
        int to = (from + 2) % 3;
        List<PermitRequest> requests = List.of(new PermitRequest(POLICY, key, 1), new PermitRequest(OTHER, key, 1));
        List<Supplier<CompletionStage<Boolean>>> calls = backends.stream()
                .<Supplier<CompletionStage<Boolean>>>map(backend -> () -> backend.acquireAll(requests)
                        .thenApply(decisions -> decisions.stream().allMatch(Decision::allowed)))
                .toList();
        try (Load load = Load.of(calls)) {
            load.awaitDecided(200);
            cluster.beginMove(slot, from, to);
            load.awaitDecided(200);
            cluster.moveKey(slot, from, to);
            load.awaitFailed(100);
            cluster.moveKeys(slot, from, to);
            load.awaitDecided(200);
            cluster.endMove(slot, from, to);
            load.awaitDenied(100).end();
            assertEquals(LIMIT, load.granted());
        }
        assertEquals(0, remaining(POLICY, key));
        assertEquals(0, remaining(OTHER, key));
    }

    @Test
    void severalPoliciesOnOneKeyAreOneCall() {
        RedisBackend backend = new RedisBackend(ClusterOfRedis.connection(), "rl");
        List<PermitRequest> requests = List.of(new PermitRequest(POLICY, key, 2), new PermitRequest(OTHER, key, 1));
        long before = ClusterOfRedis.commandsSent();
        List<Decision> decisions =
                backend.acquireAll(requests).toCompletableFuture().join();
        assertEquals(before + 1, ClusterOfRedis.commandsSent());
        assertEquals(
                List.of(LIMIT - 2L, LIMIT - 1L),
                decisions.stream().map(Decision::remaining).toList());
    }

    @Test
    void keysOnSeveralNodesAreAcquiredInTurnAndRefunded() {
        String first = keyOf(0);
        String second = keyOf(1);
        String third = keyOf(2);
        RedisBackend backend = backends.get(0);
        backend.acquire(OTHER, third, LIMIT).toCompletableFuture().join();
        List<PermitRequest> requests = List.of(
                new PermitRequest(POLICY, first, 3),
                new PermitRequest(POLICY, second, 2),
                new PermitRequest(OTHER, third, 1));
        List<Decision> denied =
                backend.acquireAll(requests).toCompletableFuture().join();
        assertFalse(denied.get(denied.size() - 1).allowed());
        assertEquals(LIMIT, remaining(POLICY, first));
        assertEquals(LIMIT, remaining(POLICY, second));
        List<Decision> granted =
                backend.acquireAll(requests.subList(0, 2)).toCompletableFuture().join();
        assertTrue(granted.stream().allMatch(Decision::allowed));
        assertEquals(LIMIT - 3, remaining(POLICY, first));
        assertEquals(LIMIT - 2, remaining(POLICY, second));
    }

    @Test
    void deadNodeFailsOnlyItsOwnKeysUntilItRestarts() {
        String dead = keyOf(2);
        String alive = keyOf(1);
        try (Load down = Load.on(POLICY, dead, backends);
                Load up = Load.on(POLICY, alive, backends)) {
            down.awaitDecided(200);
            cluster.process(2).kill();
            down.awaitFailed(100);
            up.awaitDenied(100).end();
            assertEquals(LIMIT, up.granted());
            assertEquals(0, up.failed());
            cluster.process(2).restart();
            down.awaitDenied(100).end();
            long least = LIMIT - down.chargedWithoutGrant(1);
            assertTrue(down.granted() >= least && down.granted() <= 2 * LIMIT, down::toString);
        }
    }
}
