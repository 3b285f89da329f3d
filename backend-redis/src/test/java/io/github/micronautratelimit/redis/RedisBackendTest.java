package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.tck.VirtualClock;
import io.github.micronautratelimit.redis.server.Eventually;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.KillArgs;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisConnectionStateListener;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;

/** What is particular to Redis: its clock, what is stored, when it expires, and what a decision costs the server. */
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
        return namespace + ":" + Terms.label(policy.name()) + ":{" + KeyHash.brief(key) + "}";
    }

    @Test
    void theServersClockDecides() {
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
    @ValueSource(strings = {
        "100/min", "5/s burst 200", "3/day sliding", "60/min fixed", "100/min; 5/h sliding; 7/day fixed"})
    void aKeyLivesUntilEveryPermitIsFree(String limits) {
        Policy policy = Policy.of("p", limits);
        for (int i = 0; i < 3; i++) {
            long before = System.nanoTime();
            Decision decision = acquire(policy, "key", 1);
            long left = server.pttl(name(policy, "key"));
            long passed = (System.nanoTime() - before) / 1_000_000 + 1;
            long reset = (decision.resetAfterMicros() + 999) / 1_000;
            assertTrue(decision.allowed());
            assertTrue(left <= reset + 1 && left >= reset - passed, () -> left + " ms, all free after " + reset);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding; 100/day fixed"})
    void nothingIsKeptOfAKeyThatSaysNothing(String limits) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, "key", 101);
        acquire(policy, "key", 0);
        backend.peek(policy, "key", 3).toCompletableFuture().join();
        backend.refund(policy, "key", 3).toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
        acquire(policy, "key", 3);
        assertEquals(1, server.exists(name(policy, "key")));
        backend.refund(policy, "key", 3).toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
        acquire(policy, "key", 3);
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
    }

    @Test
    void aDenialWritesNothing() {
        Policy policy = Policy.of("p", "2/min; 2/h sliding");
        acquire(policy, "key", 2);
        String state = server.get(name(policy, "key"));
        server.persist(name(policy, "key"));
        assertFalse(acquire(policy, "key", 1).allowed());
        assertEquals(state, server.get(name(policy, "key")));
        assertEquals(-1, server.pttl(name(policy, "key")), "the time to live was written");
    }

    /** Whatever the policy's name, in the namespace that is the default. */
    @ParameterizedTest(name = "{0}: at most {1} bytes")
    @CsvSource({"100/min, 120", "1000/h burst 5000, 120", "999999999989/day burst 53000, 120", "100/min fixed, 120",
        "100/min sliding, 600", "65536/min sliding, 600", "1000000000000/min sliding, 600"})
    void aKeyIsSmall(String limits, long most) {
        for (String name : List.of("api", "com.acme.shop.OrderController.list", "x".repeat(200))) {
            Policy policy = Policy.of(name, limits);
            VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
            RedisBackend byHand = new RedisBackend(Redis.connection(), "ratelimit", clock);
            for (int i = 0; i < 200; i++) {
                byHand.acquire(policy, namespace, 1 + policy.capacity() / 200).toCompletableFuture().join();
                clock.advance(policy.limits().get(0).periodMicros() / 80);
            }
            String stored = "ratelimit" + name(policy, namespace).substring(namespace.length());
            long bytes = server.memoryUsage(stored);
            server.del(stored);
            assertTrue(bytes <= most, () -> bytes + " bytes");
        }
    }

    @Test
    void longNamesOfPoliciesAreShortenedAndStayApart() {
        assertEquals("customers", Terms.label("customers"));
        assertEquals("ist~" + KeyHash.brief("OrderController.list").substring(0, 5), Terms.label("OrderController.list"));
        Set<String> labels = new HashSet<>();
        for (String name : List.of("list", "a.list", "ist~abcde", Terms.label("OrderController.list"), "~", "a~")) {
            assertTrue(labels.add(Terms.label(name)), name);
        }
        for (int i = 0; i < 300; i++) {
            assertTrue(labels.add(Terms.label("com.acme.shop.Order" + i + "Controller.list")));
        }
        assertTrue(labels.stream().allMatch(label -> label.length() <= 9));
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding"})
    void aDecisionCostsThreeCommandsAndADenialTwo(String limits) {
        Policy policy = Policy.of("p", limits);
        server.configResetstat();
        acquire(policy, "key", 60);
        assertEquals(List.of("evalsha 1", "get 1", "set 1", "time 1"), commands());
        server.configResetstat();
        acquire(policy, "key", 60);
        assertEquals(List.of("evalsha 1", "get 1", "time 1"), commands());
    }

    @Test
    void aChangedLimitCostsNoMore() {
        acquire(Policy.of("p", "100/min"), "key", 60);
        server.configResetstat();
        assertEquals(120, acquire(Policy.of("p", "200/20s"), "key", 20).remaining());
        assertEquals(List.of("evalsha 1", "get 1", "set 1", "time 1"), commands());
    }

    /** Whoever comes later in a call finds what the one before has left, in whichever numbers each asks. */
    @Test
    @SuppressWarnings("try") // It is there to be closed, and nothing else.
    void requestsOfAKeyInOldAndNewNumbersShareACall() throws InterruptedException {
        Policy old = Policy.of("p", "100/day");
        Policy now = Policy.of("p", "200/day");
        acquire(old, "key", 10);
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        try (BatchTest.Busy busy = new BatchTest.Busy(backend)) {
            for (int i = 0; i < 4; i++) {
                stages.add(backend.acquire(now, "key", 10));
                stages.add(backend.acquire(old, "key", 10));
            }
        }
        CompletableFuture.allOf(stages.stream().map(CompletionStage::toCompletableFuture)
                .toArray(CompletableFuture<?>[]::new)).join();
        assertEquals(10, backend.peek(old, "key", 0).toCompletableFuture().join().remaining());
        assertEquals(110, backend.peek(now, "key", 0).toCompletableFuture().join().remaining());
    }

    @Test
    void severalPoliciesCostOneRoundTrip() {
        List<Ask> asks = List.of(new Ask(Policy.of("user", "5/min"), "a", 1), new Ask(Policy.of("ip", "9/s"), "b", 1));
        server.configResetstat();
        assertEquals(2, backend.acquireAll(asks).toCompletableFuture().join().size());
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
        backend.block(policy, key, duration.toNanos() / 1_000).toCompletableFuture().join();
    }

    /** Whatever is done to it meanwhile: by the server's clock, and to the millisecond. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "7/s; 100/s sliding"})
    void aBlockedKeyLivesUntilItsBlockIsOver(String limits) {
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
            backend.refund(policy, "key", 1).toCompletableFuture().join();
            block(policy, "key", Duration.ofMillis(1 + i));
        }
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(0, server.exists(name(policy, "key")));
    }

    @Test
    void aBlockCostsWhatAGrantCostsAndItsDenialsNoMoreThanOthers() {
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
    void afterABlockAKeyIsWrittenAsAlways() {
        Policy policy = Policy.of("p", "100/day");
        acquire(policy, "key", 60);
        long size = server.strlen(name(policy, "key"));
        block(policy, "key", Duration.ofMillis(20));
        assertEquals(size + 8, server.strlen(name(policy, "key")));
        Eventually.await("the block is over", () -> acquire(policy, "key", 1).allowed());
        assertEquals(size, server.strlen(name(policy, "key")));
        assertEquals(38, acquire(policy, "key", 1).remaining());
    }

    /** A later version may begin what it writes with other bytes; nothing is done to that. */
    @Test
    void aKeyOfSomebodyElsesIsNotBlocked() {
        Policy policy = Policy.of("p", "10/min");
        String name = name(policy, "key");
        for (String text : new String[] {"hello", "t".repeat(26)}) {
            server.set(name, text);
            CompletionException e =
                    assertThrows(CompletionException.class, () -> block(policy, "key", Duration.ofHours(1)));
            assertInstanceOf(RateLimitDefectException.class, e.getCause());
            assertEquals(text, server.get(name));
        }
    }

    @Test
    void aServerThatHasForgottenTheScriptIsToldOnce() {
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
    void aKeyOfSomebodyElsesIsNamed() {
        Policy policy = Policy.of("p", "10/min");
        String name = name(policy, "key");
        server.rpush(name, "something");
        assertRefused(policy, name);
        for (String text : new String[] {"", "hello", "t", "t".repeat(24), "s".repeat(30), "t".repeat(26)}) {
            server.del(name);
            server.set(name, text);
            assertRefused(policy, name);
            assertEquals(text, server.get(name));
        }
        backend.reset(policy, "key").toCompletableFuture().join();
        assertEquals(9, acquire(policy, "key", 1).remaining());
    }

    private void assertRefused(Policy policy, String name) {
        CompletionException e = assertThrows(CompletionException.class, () -> acquire(policy, "key", 1));
        assertInstanceOf(RateLimitDefectException.class, e.getCause());
        assertEquals("The rate limit store cannot do what it is asked: the key " + name + " holds something that is no "
                + "rate limit; delete it, or give the rate limits another namespace.", e.getCause().getMessage());
    }

    /** With the options that the backend's documentation recommends: at once, not when the server is back. */
    @Test
    void withoutAConnectionTheStageFails() throws InterruptedException {
        try (RedisClient client = RedisClient.create(RedisServer.uri())) {
            client.setOptions(ClientOptions.builder().autoReconnect(false)
                    .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                    .timeoutOptions(TimeoutOptions.enabled()).build());
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
            assertTrue(alone.acquire(policy, "key", 1).toCompletableFuture().join().allowed());
            server.clientKill(KillArgs.Builder.id(connection.sync().clientId()));
            assertTrue(disconnected.await(10, TimeUnit.SECONDS));
            for (CompletionStage<?> stage : List.of(alone.acquire(policy, "key", 1), alone.peek(policy, "key", 1),
                    alone.refund(policy, "key", 1), alone.reset(policy, "key"))) {
                assertTrue(stage.toCompletableFuture().isCompletedExceptionally());
            }
        }
        assertEquals(8, acquire(Policy.of("p", "10/min"), "key", 1).remaining());
    }

    /** By the server's clock. */
    @Test
    void aCrowdOnFourConnectionsIsGrantedExactlyWhatIsThere() throws Exception {
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
