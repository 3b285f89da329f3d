package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
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
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;

/** Callers who ask while the client is busy share calls; each is decided as if it had come alone. */
@NeedsRedis
@Timeout(60)
@SuppressWarnings("try") // Busy is there to be closed, and nothing else.
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

    /** Keeps the client's thread busy until closed, as slow callbacks would: what is asked meanwhile waits for it. */
    static final class Busy implements AutoCloseable {

        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch end = new CountDownLatch(1);

        Busy(RateLimitBackend backend) throws InterruptedException {
            Thread asker = Thread.currentThread();
            // An answer that is there before the callback is set has it run here.
            while (begun.getCount() > 0) {
                backend.peek(POLICY, "", 0).thenRun(() -> {
                    if (Thread.currentThread() != asker && begun.getCount() > 0) {
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
        return stages.toList().stream().map(stage -> stage.toCompletableFuture().join()).toList();
    }

    @Test
    void callersOneAfterTheOtherCostOneCommandEach() {
        long before = Redis.commandsSent();
        for (int i = 0; i < 20; i++) {
            assertEquals(999 - i, backend.acquire(POLICY, "key", 1).toCompletableFuture().join().remaining());
        }
        assertEquals(before + 20, Redis.commandsSent());
        assertEquals(new LimiterStats.Sharing(20, 20), backend.sharing());
    }

    @Test
    void callersOfABusyClientShareCalls() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            before = Redis.commandsSent();
            stages = IntStream.range(0, 200).mapToObj(i -> backend.acquire(POLICY, "key " + i % 150, 1)).toList();
        }
        List<Decision> decisions = all(stages.stream());
        assertEquals(before + (200 + Batch.MOST - 1) / Batch.MOST, Redis.commandsSent());
        assertEquals(new LimiterStats.Sharing(200, (200 + Batch.MOST - 1) / Batch.MOST), backend.sharing());
        for (int i = 0; i < 200; i++) {
            assertTrue(decisions.get(i).allowed());
            assertEquals(i < 150 ? 999 : 998, decisions.get(i).remaining());
        }
    }

    /** In a call with others, a blocked key is denied, and they are not. */
    @Test
    void aBlockedKeyHoldsUpNobodyElse() throws InterruptedException {
        backend.block(POLICY, "key 3", 3_600_000_000L).toCompletableFuture().join();
        List<CompletionStage<Decision>> stages;
        try (Busy busy = new Busy(backend)) {
            stages = IntStream.range(0, 30).mapToObj(i -> backend.acquire(POLICY, "key " + i % 10, 1)).toList();
        }
        List<Decision> decisions = all(stages.stream());
        for (int i = 0; i < 30; i++) {
            assertEquals(i % 10 != 3, decisions.get(i).allowed());
            assertEquals(i % 10 == 3 ? 0 : 999 - i / 10, decisions.get(i).remaining());
        }
    }

    @Test
    void aKeyAskedForOftenIsReadAndWrittenOnce() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        try (Busy busy = new Busy(backend)) {
            server.configResetstat();
            stages = IntStream.range(0, Batch.MOST).mapToObj(i -> backend.acquire(POLICY, "key", 1)).toList();
        }
        List<Decision> decisions = all(stages.stream());
        for (int i = 0; i < Batch.MOST; i++) {
            assertEquals(999 - i, decisions.get(i).remaining());
        }
        String stats = server.info("commandstats");
        for (String once : List.of("evalsha", "get", "set", "time")) {
            assertTrue(stats.contains("cmdstat_" + once + ":calls=1,"), () -> once + " in\n" + stats);
        }
    }

    /** Those who ask again as soon as they are answered go together again. */
    @Test
    void callbacksThatAskShareACall() throws InterruptedException {
        List<CompletionStage<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            before = Redis.commandsSent();
            stages = IntStream.range(0, Batch.MOST).mapToObj(i -> backend.acquire(POLICY, "key " + i, 1)
                    .thenCompose(first -> backend.acquire(POLICY, "key " + i, 2))).toList();
        }
        assertTrue(all(stages.stream()).stream().allMatch(decision -> decision.remaining() == 997));
        assertEquals(before + 2, Redis.commandsSent());
    }

    @Test
    void aKeyOfSomebodyElsesFailsItsOwnCallersOnly() throws InterruptedException {
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
        CompletionException e = assertThrows(CompletionException.class, () -> stage.toCompletableFuture().join());
        assertEquals("The rate limit store cannot do what it is asked: the key " + name + " holds something that is no "
                + "rate limit; delete it, or give the rate limits another namespace.", e.getCause().getMessage());
    }

    /** Every kind of limit in one call, several requests of each key, against the core. */
    @Test
    void eachIsDecidedAsIfItHadComeAlone() throws InterruptedException {
        VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
        RedisBackend byHand = new RedisBackend(connection, namespace, clock);
        List<Policy> policies = Stream.of("100/min", "7/day burst 31", "100/min sliding", "60/h fixed",
                "999999999989/day burst 53000", "30/s; 50/min sliding; 40/day fixed", "1000000000000/day", "1/366day")
                .map(limits -> Policy.of("q" + Math.abs(limits.hashCode() % 10_000), limits)).toList();
        List<Decision> expected = new ArrayList<>();
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        LimitState[] states = new LimitState[policies.size()];
        for (int round = 0; round < 3; round++) {
            try (Busy busy = new Busy(backend)) {
                for (long permits : new long[] {1, 29, 0, Long.MAX_VALUE, 2}) {
                    for (int i = 0; i < states.length; i++) {
                        LimitState state = policies.get(i).stateAt(states[i], clock.micros());
                        boolean charged = permits > 0 && state.admits(permits);
                        states[i] = charged ? state.charge(permits) : state;
                        expected.add(charged || permits == 0 ? states[i].grant(clock.micros())
                                : state.denial(permits, clock.micros()));
                        stages.add(byHand.acquire(policies.get(i), "key", permits));
                    }
                }
            }
            assertEquals(expected, all(stages.stream()));
            clock.advance(31_000_000);
        }
    }

    @Test
    void aFloodOnFourConnectionsIsGrantedExactlyWhatIsThere() throws Exception {
        Policy policy = Policy.of("p", "1000/day");
        List<RedisBackend> backends = Stream.generate(() -> new RedisBackend(Redis.connection(), namespace)).limit(4)
                .toList();
        ExecutorService threads = Executors.newFixedThreadPool(64);
        try {
            List<Future<Long>> results = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                RedisBackend mine = backends.get(i % 4);
                results.add(threads.submit(() -> all(IntStream.range(0, 50).mapToObj(n -> mine.acquire(policy, "key", 1)))
                        .stream().filter(Decision::allowed).count()));
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
    void severalRequestsOfOneKeyAreOneCommand() {
        long before = Redis.commandsSent();
        List<Decision> decisions =
                backend.acquireEach(POLICY, "key", List.of(600L, 600L, 400L)).toCompletableFuture().join();
        assertEquals(List.of(true, false, true), decisions.stream().map(Decision::allowed).toList());
        assertEquals(before + 1, Redis.commandsSent());
    }

    /** Between the answer to one caller and the answer to the next, a callback may fail or take its time. */
    @Test
    void aCallbackThatFailsHarmsNobodyElse() throws InterruptedException {
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        try (Busy busy = new Busy(backend)) {
            for (int i = 0; i < 10; i++) {
                CompletionStage<Decision> stage = backend.acquire(POLICY, "key", 1);
                stage.thenRun(() -> {
                    throw new IllegalStateException("a caller's own fault");
                });
                stages.add(stage);
            }
        }
        assertEquals(10, all(stages.stream()).size());
        assertEquals(989, backend.acquire(POLICY, "key", 1).toCompletableFuture().join().remaining());
    }

    @Test
    void aScriptForgottenIsSentOnceForAll() throws InterruptedException {
        List<CompletableFuture<Decision>> stages;
        long before;
        try (Busy busy = new Busy(backend)) {
            server.scriptFlush();
            before = Redis.commandsSent();
            stages = IntStream.range(0, 20).mapToObj(i -> backend.acquire(POLICY, "key", 1).toCompletableFuture()).toList();
        }
        assertEquals(980, all(stages.stream()).get(19).remaining());
        assertEquals(before + 2, Redis.commandsSent());
    }
}
