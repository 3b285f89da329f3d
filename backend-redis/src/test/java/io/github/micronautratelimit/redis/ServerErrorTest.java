package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** If the server replies with an error, the call fails with its reason and costs nothing. */
@NeedsRedis(ofItsOwn = true)
class ServerErrorTest {

    private static final Policy POLICY = Policy.of("p", "10/366day; 20/366day sliding");
    private static final Policy OTHER = Policy.of("other", "10/366day fixed");

    private final RedisClients clients = new RedisClients();
    private RedisProcess process;
    private RedisCommands<String, String> server;
    private RateLimiter limiter;

    @BeforeEach
    void start() {
        process = RedisProcess.start();
        server = clients.server(process.uri());
        limiter = RateLimiter.builder(new RedisBackend(clients.connect(process.uri()), "rl"))
                .unguarded()
                .build();
    }

    private static final Set<String> OUTAGES = Set.of("OOM", "READONLY");

    @AfterEach
    void stop() {
        clients.close();
        process.close();
    }

    /** Asserts that all operations that write fail with the server's error code. */
    private static void assertRejected(RateLimiter limiter, String word) {
        List<Runnable> calls = List.of(
                () -> limiter.tryAcquire(POLICY, "key", 1),
                () -> limiter.tryAcquireAll(
                        List.of(new PermitRequest(OTHER, "key", 1), new PermitRequest(POLICY, "key", 1))));
        for (Runnable call : calls) {
            RateLimitBackendException e = assertThrows(RateLimitBackendException.class, call::run);
            assertInstanceOf(RedisCommandExecutionException.class, e.getCause());
            assertTrue(e.getCause().getMessage().contains(word), e::getMessage);
            assertEquals(!OUTAGES.contains(word), e instanceof NonRetryableStoreException, e::toString);
        }
    }

    private static long remaining(RateLimiter limiter, Policy policy) {
        return limiter.peek(policy, "key", 0).remaining();
    }

    @Test
    void fullServerGrantsNothingAndStillDenies() {
        assertTrue(limiter.tryAcquire(POLICY, "spent", 10).allowed());
        assertTrue(limiter.tryAcquire(POLICY, "key", 3).allowed());
        server.configSet("maxmemory", "1");
        assertRejected(limiter, "OOM");
        assertEquals(7, remaining(limiter, POLICY));
        assertEquals(10, remaining(limiter, OTHER));
        assertFalse(limiter.tryAcquire(POLICY, "spent", 1).allowed());
        server.configSet("maxmemory", "0");
        assertEquals(6, limiter.tryAcquire(POLICY, "key", 1).remaining());
    }

    @Test
    void replicaRejectsCallsUntilItIsPromotedAndKeepsItsState() {
        assertTrue(limiter.tryAcquire(POLICY, "key", 3).allowed());
        try (RedisProcess copy = RedisProcess.start("replicaof 127.0.0.1 " + process.port())) {
            RedisCommands<String, String> replica = clients.server(copy.uri());
            Eventually.await(
                    "the replica is in sync",
                    () -> replica.info("replication").contains("master_link_status:up") && replica.dbsize() == 1);
            RateLimiter onReplica = RateLimiter.builder(new RedisBackend(clients.connect(copy.uri()), "rl"))
                    .unguarded()
                    .build();
            assertRejected(onReplica, "READONLY");
            assertEquals(7, remaining(onReplica, POLICY));
            replica.replicaofNoOne();
            assertEquals(6, onReplica.tryAcquire(POLICY, "key", 1).remaining());
            assertEquals(7, remaining(limiter, POLICY));
        }
    }

    @Test
    void keyOfAnotherTypeFailsOnlyItsOwnCalls() {
        server.rpush("rl:p:{" + KeyHash.brief("key") + "}", "something");
        assertRejected(limiter, "does not contain a rate limit");
        assertEquals(10, remaining(limiter, OTHER));
        assertEquals(9, limiter.tryAcquire(POLICY, "another", 1).remaining());
        assertEquals(9, limiter.tryAcquire(OTHER, "key", 1).remaining());
    }

    @Test
    void closedConnectionFailsStagesAndDoesNotThrow() {
        StatefulRedisConnection<byte[], byte[]> connection = clients.connect(process.uri());
        RedisBackend closed = new RedisBackend(connection, "rl");
        connection.close();
        List<Supplier<CompletionStage<?>>> calls = List.of(
                () -> closed.acquire(POLICY, "key", 1),
                () -> closed.peek(POLICY, "key", 1),
                () -> closed.acquireAll(
                        List.of(new PermitRequest(OTHER, "key", 1), new PermitRequest(POLICY, "other", 1))),
                () -> closed.acquireBatch(POLICY, "key", List.of(1L, 2L)),
                () -> closed.refund(POLICY, "key", 1, LimitState.LATEST),
                () -> closed.reset(POLICY, "key"));
        for (Supplier<CompletionStage<?>> call : calls) {
            CompletableFuture<?> stage = call.get().toCompletableFuture();
            CompletionException e = assertThrows(CompletionException.class, stage::join);
            assertInstanceOf(RedisException.class, e.getCause());
        }
        assertEquals(10, remaining(limiter, POLICY));
    }
}
