package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests that arrive while the client is busy share calls, and each is decided as if it were sent alone. */
@NeedsRedis
@Timeout(60)
@SuppressWarnings("try") // Busy is only opened and closed.
class BatchTest {

    private static final Policy POLICY = Policy.of("p", "1000/h");

    private final String namespace = "rl-" + UUID.randomUUID().toString().substring(0, 4);
    private final StatefulRedisConnection<byte[], byte[]> connection = Redis.connection();
    private final RedisBackend backend = new RedisBackend(connection, namespace);
    private final RedisCommands<String, String> server = Redis.server();

    @AfterEach
    void deleteKeys() {
        server.keys(namespace + ":*").forEach(server::del);
    }

    /** Occupies the client's thread until it is closed, as slow callbacks would. Requests queue up in the meantime. */
    static final class Busy implements AutoCloseable {

        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch end = new CountDownLatch(1);

        Busy(RateLimitBackend backend) throws InterruptedException {
            Thread caller = Thread.currentThread();
            // If the reply is faster than thenRun, the callback runs on this thread; then try again.
            while (begun.getCount() > 0) {
                backend.peek(POLICY, "", 0).thenRun(() -> {
                    if (Thread.currentThread() != caller && begun.getCount() > 0) {
                        begun.countDown();
                        await(end);
                    }
                });
                begun.await(100, TimeUnit.MILLISECONDS);
            }
        }

        private static void await(CountDownLatch latch) {
            try {
                latch.await(30, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void close() {
            end.countDown();
        }
    }

    private static <T> List<T> all(Stream<? extends CompletionStage<T>> stages) {
        return stages.toList().stream()
                .map(stage -> stage.toCompletableFuture().join())
                .toList();
    }

    private LimiterStats.@Nullable Coalescing coalescing() {
        return RateLimiter.builder(backend).unguarded().build().stats().coalescing();
    }

    @Test
    void consecutiveRequestsCostOneCommandEach() {
        long before = Redis.commandsSent();
        for (int i = 0; i < 20; i++) {
            assertEquals(
                    999 - i,
                    backend.acquire(POLICY, "key", 1)
                            .toCompletableFuture()
                            .join()
                            .remaining());
        }
        assertEquals(before + 20, Redis.commandsSent());
        assertEquals(new LimiterStats.Coalescing(20, 20), coalescing());
    }

    /** A limit on trial costs no second command. */
    @Test
    void candidateIsDecidedInTheCommandOfItsPolicy() {
        Policy policy = Policy.of("candidate-batch", "1000/min").withCandidate(Limit.parseAll("10/min"));
        RateLimiter limiter = RateLimiter.builder(backend).build();
        long before = Redis.commandsSent();
        for (int i = 0; i < 20; i++) {
            assertTrue(limiter.tryAcquire(policy, "key " + i).allowed());
        }
        assertEquals(before + 20, Redis.commandsSent());
        assertEquals(new LimiterStats.Coalescing(40, 20), coalescing());
    }

    @Test
    void requestsToABusyClientShareCalls() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            before = Redis.commandsSent();
            stages = IntStream.range(0, 200)
                    .mapToObj(i -> backend.acquire(POLICY, "key " + i % 150, 1))
                    .toList();
        }
        List<Decision> decisions = all(stages.stream());
        assertEquals(before + (200 + Batch.MAX_REQUESTS - 1) / Batch.MAX_REQUESTS, Redis.commandsSent());
        assertEquals(
                new LimiterStats.Coalescing(200, (200 + Batch.MAX_REQUESTS - 1) / Batch.MAX_REQUESTS), coalescing());
        for (int i = 0; i < 200; i++) {
            assertTrue(decisions.get(i).allowed());
            assertEquals(i < 150 ? 999 : 998, decisions.get(i).remaining());
        }
    }

    /** So that a policy with many limits does not keep the server from others for longer than a policy with one. */
    @ParameterizedTest
    @CsvSource({"1, 1", "2, 2", "4, 4", "10, 11", "16, 16"})
    void requestsUnderManyLimitsShareCallsOfFewerRequests(int windows, int calls) throws InterruptedException {
        Policy policy = Policy.of(
                "many",
                IntStream.rangeClosed(1, windows)
                        .mapToObj(hours -> Limit.parse("1000/" + hours + "h sliding"))
                        .toList());
        List<CompletionStage<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            before = Redis.commandsSent();
            stages = IntStream.range(0, Batch.MAX_REQUESTS)
                    .mapToObj(i -> backend.acquire(policy, "key " + i, 1))
                    .toList();
        }
        assertTrue(all(stages.stream()).stream().allMatch(decision -> decision.remaining() == 999));
        assertEquals(before + calls, Redis.commandsSent());
    }

    @Test
    void longBatchUnderManyLimitsIsDecidedInOrder() {
        Policy policy = Policy.of(
                "many",
                IntStream.rangeClosed(1, LimitSet.MAX_RATE_LIMITS)
                        .mapToObj(hours -> Limit.parse("1000/" + hours + "h sliding"))
                        .toList());
        long before = Redis.commandsSent();
        List<Decision> decisions = backend.acquireBatch(policy, "key", Collections.nCopies(100, 1L))
                .toCompletableFuture()
                .join();
        assertEquals(
                LongStream.range(900, 1000)
                        .boxed()
                        .sorted(Comparator.reverseOrder())
                        .toList(),
                decisions.stream().map(Decision::remaining).toList());
        assertEquals(before + 100, Redis.commandsSent());
    }

    @Test
    void blockedKeyDoesNotAffectOtherKeysInACall() throws InterruptedException {
        backend.block(POLICY, "key 3", 3_600_000_000L).toCompletableFuture().join();
        List<CompletionStage<Decision>> stages;
        try (Busy busy = new Busy(backend)) {
            stages = IntStream.range(0, 30)
                    .mapToObj(i -> backend.acquire(POLICY, "key " + i % 10, 1))
                    .toList();
        }
        List<Decision> decisions = all(stages.stream());
        for (int i = 0; i < 30; i++) {
            assertEquals(i % 10 != 3, decisions.get(i).allowed());
            assertEquals(i % 10 == 3 ? 0 : 999 - i / 10, decisions.get(i).remaining());
        }
    }

    @Test
    void keyOfSeveralRequestsIsReadAndWrittenOnce() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        try (Busy busy = new Busy(backend)) {
            server.configResetstat();
            stages = IntStream.range(0, Batch.MAX_REQUESTS)
                    .mapToObj(i -> backend.acquire(POLICY, "key", 1))
                    .toList();
        }
        List<Decision> decisions = all(stages.stream());
        for (int i = 0; i < Batch.MAX_REQUESTS; i++) {
            assertEquals(999 - i, decisions.get(i).remaining());
        }
        String stats = server.info("commandstats");
        for (String once : List.of("evalsha", "get", "set", "time")) {
            assertTrue(stats.contains("cmdstat_" + once + ":calls=1,"), () -> once + " in\n" + stats);
        }
    }

    @Test
    void requestsOfCallbacksShareACall() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            before = Redis.commandsSent();
            stages = IntStream.range(0, Batch.MAX_REQUESTS)
                    .mapToObj(i -> backend.acquire(POLICY, "key " + i, 1)
                            .thenCompose(first -> backend.acquire(POLICY, "key " + i, 2)))
                    .toList();
        }
        assertTrue(all(stages.stream()).stream().allMatch(decision -> decision.remaining() == 997));
        assertEquals(before + 2, Redis.commandsSent());
    }

    @Test
    void keyWithForeignContentFailsOnlyItsOwnRequests() throws InterruptedException {
        Policy windows = Policy.of("w", "1000/h sliding; 2000/day fixed");
        String list = namespace + ":p:" + tag("list");
        String text = namespace + ":w:" + tag("text");
        server.rpush(list, "something");
        server.set(text, "something");
        List<CompletionStage<Decision>> good;
        CompletionStage<Decision> first;
        CompletionStage<Decision> second;
        try (Busy busy = new Busy(backend)) {
            good = new ArrayList<>(List.of(backend.acquire(POLICY, "a", 1), backend.acquire(windows, "b", 1)));
            first = backend.acquire(POLICY, "list", 1);
            second = backend.acquire(windows, "text", 1);
            good.add(backend.acquire(POLICY, "c", 1));
            good.add(backend.acquire(windows, "d", 1));
        }
        assertTrue(all(good.stream()).stream().allMatch(decision -> decision.remaining() == 999));
        assertNames(first, list);
        assertNames(second, text);
        assertEquals("something", server.get(text));
        assertEquals(1, server.llen(list));
    }

    private static String tag(String key) {
        return "{" + KeyHash.brief(key) + "}";
    }

    private static void assertNames(CompletionStage<Decision> stage, String name) {
        CompletionException e = assertThrows(
                CompletionException.class, () -> stage.toCompletableFuture().join());
        assertEquals(
                "The rate limit store cannot execute the call: the key " + name + " does not contain a rate limit; "
                        + "delete it, or use another namespace for rate limits.",
                e.getCause().getMessage());
    }

    /** Compares all kinds of limits in one call, with several requests per key, with the core. */
    @Test
    void requestsInACallAreDecidedAsIfSentAlone() throws InterruptedException {
        VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
        RedisBackend withClock = new RedisBackend(connection, namespace, clock);
        List<Policy> policies = Stream.of(
                        "100/min",
                        "7/day burst 31",
                        "100/min sliding",
                        "60/h fixed",
                        "999999999989/day burst 53000",
                        "30/s; 50/min sliding; 40/day fixed",
                        "1000000000000/day",
                        "1/366day")
                .map(limits -> Policy.of("q" + Math.abs(limits.hashCode() % 10_000), limits))
                .toList();
        List<Decision> expected = new ArrayList<>();
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        LimitState[] states = new LimitState[policies.size()];
        for (int round = 0; round < 3; round++) {
            try (Busy busy = new Busy(backend)) {
                for (long permits : new long[] {1, 29, 0, Long.MAX_VALUE, 2}) {
                    for (int i = 0; i < states.length; i++) {
                        LimitState state =
                                LimitState.carryOver(policies.get(i).rateLimits(), states[i], clock.micros());
                        boolean charged = permits > 0 && state.admits(permits);
                        states[i] = charged ? state.charge(permits) : state;
                        expected.add(
                                charged || permits == 0
                                        ? Decision.allowed(states[i], clock.micros())
                                        : Decision.denied(state, permits, clock.micros()));
                        stages.add(withClock.acquire(policies.get(i), "key", permits));
                    }
                }
            }
            assertEquals(expected, all(stages.stream()));
            clock.advance(31_000_000);
        }
    }

    /** While a configuration changes, a call may have requests for one key under the former and the new limits. */
    @ParameterizedTest
    @CsvSource({
        "30/min; 50/h, 30/min",
        "30/min sliding; 50/h, 30/min sliding",
        "30/min; 40/h fixed, 40/h fixed",
        "30/min sliding, 30/min sliding; 40/h sliding",
        "30/day Europe/Berlin, 30/day fixed",
        "30/min, 300/min",
        "30/min fixed, 300/min fixed"
    })
    void requestsOfOneKeyUnderSeveralLimitsAreDecidedInTheirOrder(String former, String changed)
            throws InterruptedException {
        VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
        RedisBackend withClock = new RedisBackend(connection, namespace, clock);
        LimitState state = null;
        List<Decision> expected = new ArrayList<>();
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        try (Busy busy = new Busy(backend)) {
            for (String limits : List.of(former, changed)) {
                Policy policy = Policy.of("changed", limits);
                for (long permits : new long[] {7, 3}) {
                    state = LimitState.carryOver(policy.rateLimits(), state, clock.micros())
                            .charge(permits);
                    expected.add(Decision.allowed(state, clock.micros()));
                    stages.add(withClock.acquire(policy, "key", permits));
                }
            }
        }
        assertEquals(expected, all(stages.stream()));
    }

    @Test
    void manyRequestsOnFourConnectionsGetExactlyTheLimit() throws Exception {
        Policy policy = Policy.of("p", "1000/day");
        List<RedisBackend> backends = Stream.generate(() -> new RedisBackend(Redis.connection(), namespace))
                .limit(4)
                .toList();
        ExecutorService threads = Executors.newFixedThreadPool(64);
        try {
            List<Future<Long>> results = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                RedisBackend mine = backends.get(i % 4);
                results.add(threads.submit(
                        () -> all(IntStream.range(0, 50).mapToObj(n -> mine.acquire(policy, "key", 1))).stream()
                                .filter(Decision::allowed)
                                .count()));
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

    @Test
    void batchOnOneKeyIsOneCommand() {
        long before = Redis.commandsSent();
        List<Decision> decisions = backend.acquireBatch(POLICY, "key", List.of(600L, 600L, 400L))
                .toCompletableFuture()
                .join();
        assertEquals(
                List.of(true, false, true),
                decisions.stream().map(Decision::allowed).toList());
        assertEquals(before + 1, Redis.commandsSent());
    }

    @Test
    void failingCallbackDoesNotAffectOtherRequests() throws InterruptedException {
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        try (Busy busy = new Busy(backend)) {
            for (int i = 0; i < 10; i++) {
                CompletionStage<Decision> stage = backend.acquire(POLICY, "key", 1);
                stage.thenRun(() -> {
                    throw new IllegalStateException("thrown by a callback");
                });
                stages.add(stage);
            }
        }
        assertEquals(10, all(stages.stream()).size());
        assertEquals(
                989,
                backend.acquire(POLICY, "key", 1).toCompletableFuture().join().remaining());
    }

    @Test
    void flushedScriptIsSentOncePerBatch() throws InterruptedException {
        List<CompletableFuture<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            server.scriptFlush();
            before = Redis.commandsSent();
            stages = IntStream.range(0, 20)
                    .mapToObj(i -> backend.acquire(POLICY, "key", 1).toCompletableFuture())
                    .toList();
        }
        assertEquals(980, all(stages.stream()).get(19).remaining());
        assertEquals(before + 2, Redis.commandsSent());
    }
}
