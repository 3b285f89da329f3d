package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisCluster;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisException;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The commands that the user needs: all operations work with them, and some operation fails without any one of them.
 */
@NeedsRedis(ofItsOwn = true)
class LeastPrivilegesTest {

    private static final List<String> ON_A_SERVER = List.of("evalsha", "eval", "time", "get", "set", "del");
    private static final List<String> FOR_SLOTS = List.of(
            "evalsha",
            "eval",
            "time",
            "del",
            "zremrangebyscore",
            "zrem",
            "zcard",
            "zscore",
            "zrange",
            "zadd",
            "pexpire");
    private static final Policy SLOTS = Policy.of("p", "1 concurrent");
    private static final List<String> ON_A_CLUSTER = Stream.concat(
                    ON_A_SERVER.stream(), Stream.of("cluster|nodes", "asking"))
            .toList();
    private static final Policy POLICY = Policy.of("p", "10/min; 20/h sliding; 30/day fixed");

    private static void allow(RedisCommands<String, String> node, List<String> commands) {
        CommandArgs<String, String> user = new CommandArgs<>(StringCodec.UTF8)
                .add("SETUSER")
                .add("limits")
                .add("reset")
                .add("on")
                .add(">secret")
                .add("~ratelimit:*")
                .add("-@all");
        commands.forEach(command -> user.add("+" + command));
        node.dispatch(CommandType.ACL, new StatusOutput<>(StringCodec.UTF8), user);
    }

    private static List<String> without(List<String> commands, String command) {
        return commands.stream().filter(other -> !other.equals(command)).toList();
    }

    /** Returns whether no call fails, not even the connection. */
    private static boolean works(Runnable use) {
        try {
            use.run();
            return true;
        } catch (RateLimitBackendException | RedisException | CompletionException e) {
            return false;
        }
    }

    private static String asUser(String uri) {
        return uri.replace("redis://", "redis://limits:secret@");
    }

    /** Executes each operation for the first time. */
    private static void useAll(RateLimiter limiter) {
        limiter.reset(POLICY, "key");
        limiter.reset(POLICY, "another");
        assertTrue(limiter.tryAcquire(POLICY, "key", 9).allowed());
        assertFalse(limiter.tryAcquire(POLICY, "key", 9).allowed());
        assertEquals(1, limiter.peek(POLICY, "key", 1).remaining());
        limiter.refund(POLICY, "key", 9);
        assertTrue(limiter.tryAcquireAll(
                        List.of(new PermitRequest(POLICY, "key", 9), new PermitRequest(POLICY, "another", 9)))
                .allowed());
    }

    private static void useServer(RedisProcess process, List<String> commands, String namespace) {
        try (RedisClients clients = new RedisClients()) {
            RedisCommands<String, String> server = clients.server(process.uri());
            server.scriptFlush();
            allow(server, commands);
            useAll(RateLimiter.builder(new RedisBackend(clients.connect(asUser(process.uri())), namespace))
                    .unguarded()
                    .build());
        }
    }

    /** Executes each operation of a concurrency limit. */
    private static void useSlots(RedisProcess process, List<String> commands) {
        try (RedisClients clients = new RedisClients()) {
            RedisCommands<String, String> server = clients.server(process.uri());
            server.scriptFlush();
            allow(server, commands);
            RateLimiter limiter = RateLimiter.builder(
                            new RedisBackend(clients.connect(asUser(process.uri())), "ratelimit"))
                    .unguarded()
                    .build();
            limiter.reset(SLOTS, "key");
            Lease lease = limiter.lease(SLOTS, "key");
            assertTrue(lease.allowed());
            assertFalse(limiter.lease(SLOTS, "key").allowed());
            assertTrue(lease.renew().toCompletableFuture().join());
            lease.release().toCompletableFuture().join();
        }
    }

    @Test
    void concurrencyLimitsNeedTheseCommands() {
        try (RedisProcess process = RedisProcess.start()) {
            useSlots(process, FOR_SLOTS);
            assertEquals(
                    List.of(),
                    FOR_SLOTS.stream()
                            .filter(command -> works(() -> useSlots(process, without(FOR_SLOTS, command))))
                            .toList(),
                    "not needed");
        }
    }

    @Test
    void rateLimitsNeedTheseCommandsOnAServer() {
        try (RedisProcess process = RedisProcess.start()) {
            useServer(process, ON_A_SERVER, "ratelimit");
            assertEquals(
                    List.of(),
                    ON_A_SERVER.stream()
                            .filter(command ->
                                    works(() -> useServer(process, without(ON_A_SERVER, command), "ratelimit")))
                            .toList(),
                    "not needed");
            assertThrows(RateLimitBackendException.class, () -> useServer(process, ON_A_SERVER, "another"));
        }
    }

    /** One of the commands is needed only while a hash slot moves. */
    private static void useCluster(RedisCluster cluster, List<String> commands) {
        int slot = SlotHash.getSlot(KeyHash.brief("moving").getBytes(StandardCharsets.UTF_8));
        int from = cluster.owner(slot);
        int to = (from + 1) % 3;
        cluster.nodes().forEach(node -> allow(node, commands));
        try (RedisClients clients = new RedisClients()) {
            RateLimiter limiter = RateLimiter.builder(
                            new RedisBackend(clients.connectCluster(asUser(cluster.uri())), "ratelimit"))
                    .unguarded()
                    .build();
            cluster.nodes().forEach(RedisCommands::scriptFlush);
            useAll(limiter);
            cluster.beginMove(slot, from, to);
            assertEquals(9, limiter.tryAcquire(POLICY, "moving", 1).remaining());
        } finally {
            cluster.moveKeys(slot, from, to);
            cluster.endMove(slot, from, to);
            cluster.node(to).flushall();
        }
    }

    @Test
    void rateLimitsNeedTheseCommandsInACluster() {
        try (RedisCluster cluster = RedisCluster.start()) {
            useCluster(cluster, ON_A_CLUSTER);
            assertEquals(
                    List.of(),
                    ON_A_CLUSTER.stream()
                            .filter(command -> works(() -> useCluster(cluster, without(ON_A_CLUSTER, command))))
                            .toList(),
                    "not needed");
        }
    }
}
