package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.KillArgs;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.codec.ByteArrayCodec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The clock, the stored keys, their expiry, and the commands of a decision. */
@NeedsRedis
class RedisBackendTest {

    private static final Pattern CALLS = Pattern.compile("cmdstat_([a-z|]+):calls=(\\d+)");

    private final String namespace = "rl-" + UUID.randomUUID().toString().substring(0, 4);
    private final RedisBackend backend = new RedisBackend(Redis.connection(), namespace);
    private final RedisCommands<String, String> server = Redis.server();

    @AfterEach
    void deleteKeys() {
        server.keys(namespace + ":*").forEach(server::del);
    }

    private Decision acquire(Policy policy, String key, long permits) {
        return backend.acquire(policy, key, permits).toCompletableFuture().join();
    }

    private String name(Policy policy, String key) {
        return namespace + ":" + EncodedPolicy.label(policy.name()) + ":{" + KeyHash.brief(key) + "}";
    }

    @Test
    void serverClockDecides() {
        long period = Limit.MAX_PERIOD.toSeconds() * 1_000_000;
        Policy policy = Policy.of("p", "100/366day fixed");
        long before = micros(server.time());
        Decision decision = acquire(policy, "key", 1);
        long after = micros(server.time());
        long end = (before / period + 1) * period;
        assertTrue(end - after <= decision.resetAfterMicros() && decision.resetAfterMicros() <= end - before);
    }

    private static long micros(List<String> time) {
        return Long.parseLong(time.get(0)) * 1_000_000 + Long.parseLong(time.get(1));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"100/min", "5/s burst 200", "3/day sliding", "60/min fixed", "100/min; 5/h sliding; 7/day fixed"
            })
    void keyExpiresWhenAllPermitsAreFree(String limits) {
        Policy policy = Policy.of("p", limits);
        for (int i = 0; i < 3; i++) {
            long before = System.nanoTime();
            Decision decision = acquire(policy, "key", 1);
            long left = server.pttl(name(policy, "key"));
            long passed = (System.nanoTime() - before) / 1_000_000 + 1;
            long reset = (decision.resetAfterMicros() + 999) / 1_000;
            assertTrue(decision.allowed());
            assertTrue(
                    left <= reset + 1 && left >= reset - passed, () -> left + " ms, all permits free after " + reset);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding; 100/day fixed"})
    void emptyKeyIsNotStored(String limits) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, "key", 101);
        acquire(policy, "key", 0);
        backend.peek(policy, "key", 3).toCompletableFuture().join();
        backend.refund(policy, "key", 3, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertEquals(0, server.exists(name(policy, "key")));
        acquire(policy, "key", 3);
        assertEquals(1, server.exists(name(policy, "key")));
        backend.refund(policy, "key", 3, LimitState.LATEST)
                .toCompletableFuture()
                .join();
        assertEquals(0, server.exists(name(policy, "key")));
        acquire(policy, "key", 3);
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
    }

    @Test
    void denialWritesNothing() {
        Policy policy = Policy.of("p", "2/min; 2/h sliding");
        acquire(policy, "key", 2);
        String state = server.get(name(policy, "key"));
        server.persist(name(policy, "key"));
        assertFalse(acquire(policy, "key", 1).allowed());
        assertEquals(state, server.get(name(policy, "key")));
        assertEquals(-1, server.pttl(name(policy, "key")), "the expiry was written");
    }

    /** Measures keys of policies with names of any length, in the default namespace. */
    @ParameterizedTest(name = "{0}: at most {1} bytes")
    @CsvSource({
        "100/min, 120",
        "1000/h burst 5000, 120",
        "999999999989/day burst 53000, 120",
        "100/min fixed, 120",
        "100/min sliding, 600",
        "65536/min sliding, 600",
        "1000000000000/min sliding, 600"
    })
    void keySizeIsBounded(String limits, long most) {
        for (String name : List.of("api", "com.acme.shop.OrderController.list", "x".repeat(200))) {
            Policy policy = Policy.of(name, limits);
            VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
            RedisBackend withClock = new RedisBackend(Redis.connection(), "ratelimit", clock);
            for (int i = 0; i < 200; i++) {
                withClock
                        .acquire(policy, namespace, 1 + policy.capacity() / 200)
                        .toCompletableFuture()
                        .join();
                clock.advance(policy.rateLimits().get(0).periodMicros() / 80);
            }
            String stored = "ratelimit" + name(policy, namespace).substring(namespace.length());
            long bytes = server.memoryUsage(stored);
            server.del(stored);
            assertTrue(bytes <= most, () -> bytes + " bytes");
        }
    }

    /** A cluster takes the first text in braces for the hash tag, which must be the hash of the key. */
    @ParameterizedTest
    @ValueSource(strings = {"{a}", "{a", "a}", "}{", "{}", "{", "a{b}c", "orders.{tenant}", "a:b", ":", "a:{b}:c"})
    void policyNameIsNeitherHashTagNorNamespace(String name) {
        int slot = SlotHash.getSlot(KeyHash.brief("key"));
        for (String policy : List.of(name, name + "x".repeat(100), "x".repeat(100) + name)) {
            String key = name(Policy.of(policy, "1/s"), "key");
            assertEquals(slot, SlotHash.getSlot(key), key);
            assertEquals(
                    2,
                    key.substring(namespace.length())
                            .chars()
                            .filter(c -> c == ':')
                            .count(),
                    key);
            assertTrue(EncodedPolicy.label(policy).length() <= 9, key);
        }
        Policy strange = Policy.of(name, "3/day");
        Policy plain = Policy.of("plain", "3/day");
        assertEquals(2, acquire(strange, "key", 1).remaining());
        assertEquals(1, acquire(strange, "key", 1).remaining());
        assertEquals(2, acquire(plain, "key", 1).remaining());
        assertEquals(
                List.of(0L, 1L),
                backend
                        .acquireAll(List.of(new PermitRequest(strange, "key", 1), new PermitRequest(plain, "key", 1)))
                        .toCompletableFuture()
                        .join()
                        .stream()
                        .map(Decision::remaining)
                        .toList());
    }

    /** Otherwise the policy {@code b:c} of the namespace {@code a} would be the policy {@code c} of {@code a:b}. */
    @Test
    void namespaceWithColonSharesNoKeysWithAnother() {
        RedisBackend outer = new RedisBackend(Redis.connection(), namespace);
        RedisBackend inner = new RedisBackend(Redis.connection(), namespace + ":b");
        outer.acquire(Policy.of("b:c", "3/day"), "key", 1).toCompletableFuture().join();
        assertEquals(
                2,
                inner.acquire(Policy.of("c", "3/day"), "key", 1)
                        .toCompletableFuture()
                        .join()
                        .remaining());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a{b}", "{", "}", "a b", "a\nb", "\u0000", "caf\u00e9", "\u007f"})
    void malformedNamespaceIsRejected(String malformed) {
        for (String namespace : List.of(malformed, malformed + "x".repeat(65))) {
            String message = assertThrows(
                            IllegalArgumentException.class, () -> new RedisBackend(Redis.connection(), namespace))
                    .getMessage();
            assertEquals(
                    "The namespace \"" + namespace.replaceAll("\\p{Cntrl}", "?") + "\" is not 1 to 64 ASCII characters "
                            + "without spaces and braces; write a name like \"shop\".",
                    message);
        }
        assertThrows(IllegalArgumentException.class, () -> RedisBackend.connect("redis://localhost:1", malformed));
    }

    @Test
    void longPolicyNamesAreShortenedAndStayDistinct() {
        assertEquals("customers", EncodedPolicy.label("customers"));
        assertEquals(
                "ist~" + KeyHash.brief("OrderController.list").substring(0, 5),
                EncodedPolicy.label("OrderController.list"));
        Set<String> labels = new HashSet<>();
        for (String name :
                List.of("list", "a.list", "ist~abcde", EncodedPolicy.label("OrderController.list"), "~", "a~")) {
            assertTrue(labels.add(EncodedPolicy.label(name)), name);
        }
        for (int i = 0; i < 300; i++) {
            assertTrue(labels.add(EncodedPolicy.label("com.acme.shop.Order" + i + "Controller.list")));
        }
        assertTrue(labels.stream().allMatch(label -> label.length() <= 9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding"})
    void grantCostsThreeCommandsAndDenialTwo(String limits) {
        Policy policy = Policy.of("p", limits);
        server.configResetstat();
        acquire(policy, "key", 60);
        assertEquals(List.of("evalsha 1", "get 1", "set 1", "time 1"), commands());
        server.configResetstat();
        acquire(policy, "key", 60);
        assertEquals(List.of("evalsha 1", "get 1", "time 1"), commands());
    }

    @Test
    void changedLimitCostsNoMoreCommands() {
        acquire(Policy.of("p", "100/min"), "key", 60);
        server.configResetstat();
        assertEquals(120, acquire(Policy.of("p", "200/20s"), "key", 20).remaining());
        assertEquals(List.of("evalsha 1", "get 1", "set 1", "time 1"), commands());
    }

    @Test
    @SuppressWarnings("try") // Busy is only opened and closed.
    void requestsUnderOldAndNewLimitsShareACall() throws InterruptedException {
        Policy old = Policy.of("p", "100/day");
        Policy changed = Policy.of("p", "200/day");
        acquire(old, "key", 10);
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        try (BatchTest.Busy busy = new BatchTest.Busy(backend)) {
            for (int i = 0; i < 4; i++) {
                stages.add(backend.acquire(changed, "key", 10));
                stages.add(backend.acquire(old, "key", 10));
            }
        }
        CompletableFuture.allOf(stages.stream()
                        .map(CompletionStage::toCompletableFuture)
                        .toArray(CompletableFuture<?>[]::new))
                .join();
        assertEquals(
                10, backend.peek(old, "key", 0).toCompletableFuture().join().remaining());
        assertEquals(
                110,
                backend.peek(changed, "key", 0).toCompletableFuture().join().remaining());
    }

    @Test
    void severalPoliciesCostOneRoundTrip() {
        List<PermitRequest> requests = List.of(
                new PermitRequest(Policy.of("user", "5/min"), "a", 1),
                new PermitRequest(Policy.of("ip", "9/s"), "b", 1));
        server.configResetstat();
        assertEquals(
                2, backend.acquireAll(requests).toCompletableFuture().join().size());
        assertEquals(List.of("evalsha 1", "get 2", "set 2", "time 1"), commands());
    }

    private List<String> commands() {
        List<String> commands = new ArrayList<>();
        Matcher matcher = CALLS.matcher(server.info("commandstats"));
        while (matcher.find()) {
            if (!matcher.group(1).startsWith("config") && !matcher.group(1).equals("info")) {
                commands.add(matcher.group(1) + " " + matcher.group(2));
            }
        }
        commands.sort(null);
        return commands;
    }

    private void block(Policy policy, String key, Duration duration) {
        backend.block(policy, key, duration.toNanos() / 1_000)
                .toCompletableFuture()
                .join();
    }

    /** Operations on the key do not change its expiry, by the server's clock and to the millisecond. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/s; 100/s sliding"})
    void blockedKeyExpiresWithItsBlock(String limits) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, "key", 7);
        long before = System.nanoTime();
        block(policy, "key", Duration.ofHours(1));
        for (int i = 0; i < 3; i++) {
            Decision denied = acquire(policy, "key", 1);
            long left = server.pttl(name(policy, "key"));
            long passed = (System.nanoTime() - before) / 1_000_000 + 1;
            assertTrue(left <= 3_600_001 && left >= 3_600_000 - passed, () -> left + " ms left");
            assertTrue(denied.retryAfterMicros() <= 3_600_000_000L
                    && denied.retryAfterMicros() >= 3_600_000_000L - 1_000 * passed);
            backend.refund(policy, "key", 1, LimitState.LATEST)
                    .toCompletableFuture()
                    .join();
            block(policy, "key", Duration.ofMillis(1 + i));
        }
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
    }

    @Test
    void blockCostsAsMuchAsAGrantAndItsDenialsAsMuchAsOthers() {
        Policy policy = Policy.of("p", "100/min");
        acquire(policy, "key", 60);
        server.configResetstat();
        block(policy, "key", Duration.ofHours(1));
        assertEquals(List.of("evalsha 1", "get 1", "set 1", "time 1"), commands());
        String state = server.get(name(policy, "key"));
        server.configResetstat();
        assertFalse(acquire(policy, "key", 1).allowed());
        assertEquals(List.of("evalsha 1", "get 1", "time 1"), commands());
        assertEquals(state, server.get(name(policy, "key")));
    }

    @Test
    void keyIsWrittenWithoutTheBlockAfterItHasEnded() {
        Policy policy = Policy.of("p", "100/day");
        acquire(policy, "key", 60);
        long size = server.strlen(name(policy, "key"));
        block(policy, "key", Duration.ofMillis(20));
        assertEquals(size + 8, server.strlen(name(policy, "key")));
        Eventually.await("the block has ended", () -> acquire(policy, "key", 1).allowed());
        assertEquals(size, server.strlen(name(policy, "key")));
        assertEquals(38, acquire(policy, "key", 1).remaining());
    }

    /** A later version may store other bytes, which must not be changed. */
    @Test
    void keyWithForeignContentIsNotBlocked() {
        Policy policy = Policy.of("p", "10/min");
        String name = name(policy, "key");
        for (String text : new String[] {"hello", "t".repeat(26)}) {
            server.set(name, text);
            CompletionException e =
                    assertThrows(CompletionException.class, () -> block(policy, "key", Duration.ofHours(1)));
            assertInstanceOf(NonRetryableStoreException.class, e.getCause());
            assertEquals(text, server.get(name));
        }
    }

    @Test
    void flushedScriptIsSentOnce() {
        Policy policy = Policy.of("p", "10/min");
        assertEquals(9, acquire(policy, "key", 1).remaining());
        server.scriptFlush();
        long before = Redis.commandsSent();
        assertEquals(8, acquire(policy, "key", 1).remaining());
        assertEquals(before + 2, Redis.commandsSent());
        assertEquals(7, acquire(policy, "key", 1).remaining());
        assertEquals(before + 3, Redis.commandsSent());
    }

    @Test
    void failureNamesTheKeyWithForeignContent() {
        Policy policy = Policy.of("p", "10/min");
        String name = name(policy, "key");
        server.rpush(name, "something");
        assertRejected(policy, name);
        for (String text : new String[] {"", "hello", "t", "t".repeat(24), "s".repeat(30), "t".repeat(26)}) {
            server.del(name);
            server.set(name, text);
            assertRejected(policy, name);
            assertEquals(text, server.get(name));
        }
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(9, acquire(policy, "key", 1).remaining());
    }

    private void assertRejected(Policy policy, String name) {
        CompletionException e = assertThrows(CompletionException.class, () -> acquire(policy, "key", 1));
        assertInstanceOf(NonRetryableStoreException.class, e.getCause());
        assertEquals(
                "The rate limit store cannot execute the call: the key " + name + " does not contain a rate limit; "
                        + "delete it, or use another namespace for rate limits.",
                e.getCause().getMessage());
    }

    /** With the recommended client options, calls fail at once instead of waiting for the server. */
    @Test
    void stageFailsWithoutAConnection() throws InterruptedException {
        try (RedisClient client = RedisClient.create(RedisServer.uri())) {
            client.setOptions(ClientOptions.builder()
                    .autoReconnect(false)
                    .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                    .timeoutOptions(TimeoutOptions.enabled())
                    .build());
            CountDownLatch disconnected = new CountDownLatch(1);
            client.addListener(new RedisConnectionStateListener() {
                @Override
                public void onRedisDisconnected(RedisChannelHandler<?, ?> connection) {
                    disconnected.countDown();
                }
            });
            StatefulRedisConnection<byte[], byte[]> connection = client.connect(ByteArrayCodec.INSTANCE);
            RedisBackend alone = new RedisBackend(connection, namespace);
            Policy policy = Policy.of("p", "10/min");
            assertTrue(
                    alone.acquire(policy, "key", 1).toCompletableFuture().join().allowed());
            server.clientKill(KillArgs.Builder.id(connection.sync().clientId()));
            assertTrue(disconnected.await(10, TimeUnit.SECONDS));
            for (CompletionStage<?> stage : List.of(
                    alone.acquire(policy, "key", 1),
                    alone.peek(policy, "key", 1),
                    alone.refund(policy, "key", 1, LimitState.LATEST),
                    alone.reset(policy, "key"))) {
                assertTrue(stage.toCompletableFuture().isCompletedExceptionally());
            }
        }
        assertEquals(8, acquire(Policy.of("p", "10/min"), "key", 1).remaining());
    }

    @Test
    void concurrentCallersOnFourConnectionsGetExactlyTheLimit() throws Exception {
        Policy policy = Policy.of("p", "1000/day; 2000/day sliding; 3000/366day fixed");
        List<RedisBackend> backends = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            backends.add(new RedisBackend(Redis.connection(), namespace));
        }
        ExecutorService threads = Executors.newFixedThreadPool(32);
        try {
            List<Future<Long>> results = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                RedisBackend mine = backends.get(i % 4);
                results.add(threads.submit(() -> {
                    long granted = 0;
                    for (int n = 0; n < 100; n++) {
                        granted += mine.acquireBlocking(policy, "key", 1).allowed() ? 1 : 0;
                    }
                    return granted;
                }));
            }
            long granted = 0;
            for (Future<Long> result : results) {
                granted += result.get();
            }
            assertEquals(1000, granted);
        } finally {
            threads.shutdownNow();
        }
    }
}
