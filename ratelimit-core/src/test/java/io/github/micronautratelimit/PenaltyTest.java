package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Blocks of keys that are denied again and again. */
class PenaltyTest {

    private static final Duration MINUTE = Duration.ofMinutes(1);
    private static final Policy LOGIN = Policy.of("login", "2/min fixed").withBlock("15min after 5 denials in 1min");

    private final AtomicLong micros = new AtomicLong(1_795_305_600_000_000L);
    private final CountingBackend store = new CountingBackend(new MemoryBackend(micros::get, 10_000));
    private final RateLimiter limiter = limiter();

    private RateLimiter limiter() {
        return RateLimiter.builder(store)
                .clock(micros::get)
                .denyCache(Duration.ofMinutes(5))
                .deadline(Duration.ofSeconds(30))
                .build();
    }

    private void pass(Duration time) {
        micros.addAndGet(time.toNanos() / 1_000);
    }

    private boolean isAllowed() {
        return limiter.tryAcquire(LOGIN, "a").allowed();
    }

    private void spend(Policy policy) {
        assertTrue(limiter.tryAcquire(policy, "a").allowed());
        assertTrue(limiter.tryAcquire(policy, "a").allowed());
    }

    private void deny(Policy policy, int times) {
        for (int i = 0; i < times; i++) {
            assertFalse(limiter.tryAcquire(policy, "a").allowed());
        }
    }

    @Test
    void fifthDenialBlocksTheKeyAndNoOther() {
        spend(LOGIN);
        deny(LOGIN, 4);
        pass(MINUTE);
        assertTrue(isAllowed(), "four denials are too few");

        pass(MINUTE);
        spend(LOGIN);
        deny(LOGIN, 5);
        assertEquals(1, store.blocks.get() / 2);
        assertEquals(0, store.historyCalls.get(), "blocks of the same time have no history");
        pass(MINUTE);
        assertFalse(isAllowed());
        assertTrue(limiter.tryAcquire(LOGIN, "b").allowed());
        pass(Duration.ofMinutes(14).minusNanos(1_000));
        assertFalse(isAllowed());
        pass(Duration.ofNanos(1_000));
        assertTrue(isAllowed(), "15 minutes later");
    }

    @Test
    void denialsOfABlockDoNotExtendIt() {
        spend(LOGIN);
        deny(LOGIN, 5);
        for (int minute = 1; minute < 15; minute++) {
            deny(LOGIN, 20);
            pass(MINUTE);
        }
        deny(LOGIN, 1);
        pass(MINUTE);
        assertTrue(isAllowed());
        assertEquals(1, store.blocks.get() / 2);
    }

    @Test
    void furtherBlocksGrowUpToTheLongest() {
        Policy growing = Policy.of("growing", "2/min fixed").withBlock("10min after 3 denials in 1min x2 up to 1h");
        for (int minutes : new int[] {10, 20, 40, 60, 60}) {
            spend(growing);
            deny(growing, 3);
            pass(Duration.ofMinutes(minutes).minusNanos(1_000));
            deny(growing, 1);
            pass(Duration.ofNanos(1_000));
        }
        spend(growing);
        pass(Duration.ofHours(3));
        spend(growing);
        deny(growing, 3);
        pass(Duration.ofMinutes(10));
        assertTrue(limiter.tryAcquire(growing, "a").allowed(), "earlier blocks are forgotten");
    }

    /** Each denial counts once, whichever instance and thread it is on, and one of them blocks. */
    @Test
    void denialsOfAllInstancesCountTogether() throws Exception {
        Policy policy = Policy.of("login", "10/min fixed").withBlock("15min after 40 denials in 1min");
        List<RateLimiter> instances = List.of(limiter, limiter(), limiter(), limiter());
        ExecutorService threads = Executors.newFixedThreadPool(8);
        try {
            assertEquals(10, granted(instances, policy, threads, 49));
            assertEquals(0, store.blocks.get(), "39 denials");
            assertEquals(0, granted(instances, policy, threads, 50));
            Await.until("the key is blocked once", () -> store.blocks.get() == 2);
            pass(MINUTE);
            assertEquals(0, granted(instances, policy, threads, 200));
            pass(Duration.ofMinutes(14));
            assertEquals(10, granted(instances, policy, threads, 30));
            assertEquals(2, store.blocks.get());
        } finally {
            threads.shutdownNow();
        }
    }

    private static int granted(List<RateLimiter> instances, Policy policy, ExecutorService threads, int requests)
            throws Exception {
        CountDownLatch begin = new CountDownLatch(1);
        List<Future<Boolean>> answers = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            RateLimiter instance = instances.get(i % instances.size());
            answers.add(threads.submit(() -> {
                begin.await();
                return instance.tryAcquire(policy, "a").allowed();
            }));
        }
        begin.countDown();
        int granted = 0;
        for (Future<Boolean> answer : answers) {
            granted += answer.get(60, TimeUnit.SECONDS) ? 1 : 0;
        }
        return granted;
    }

    @ParameterizedTest
    @EnumSource
    void everyVerbCountsItsDenials(Verb verb) {
        spend(LOGIN);
        for (int i = 0; i < 5; i++) {
            assertFalse(verb.isAllowed(limiter));
        }
        assertEquals(1, store.blocks.get() / 2);
    }

    enum Verb {
        TRY_ACQUIRE,
        ASYNC,
        ALL,
        LEASE;

        boolean isAllowed(RateLimiter limiter) {
            List<PermitRequest> requests =
                    List.of(new PermitRequest(LOGIN, "a", 1), new PermitRequest(Policy.of("wide", "1000/min"), "a", 1));
            return switch (this) {
                case TRY_ACQUIRE -> limiter.tryAcquire(LOGIN, "a").allowed();
                case ASYNC -> Await.result(limiter.async().tryAcquire(LOGIN, "a"))
                        .allowed();
                case ALL -> limiter.tryAcquireAll(requests).allowed();
                case LEASE -> limiter.lease(LOGIN, "a").allowed();
            };
        }
    }

    @Test
    void denialsDuringAnOutageBlockNobody() {
        store.fails = true;
        spend(LOGIN);
        deny(LOGIN, 50);
        assertEquals(0, store.blocks.get());
    }

    @Test
    void failingBlockChangesNoDecision() {
        store.failsToBlock = true;
        spend(LOGIN);
        deny(LOGIN, 20);
        pass(MINUTE);
        assertTrue(isAllowed());
    }

    @Test
    void blocksAreCounted() {
        limiter.counts();
        spend(LOGIN);
        deny(LOGIN, 9);
        assertEquals(
                1,
                limiter.counts().all().stream()
                        .mapToLong(DecisionCounts.Series::blocks)
                        .sum());
        assertEquals(
                List.of("login"),
                limiter.counts().all().stream()
                        .map(DecisionCounts.Series::policy)
                        .distinct()
                        .toList(),
                "the counters of denials are not policies of the application");
    }

    @ParameterizedTest
    @CsvSource({
        "15min after 5 denials in 1min, 900, 5, 60, 1, 900",
        "1h after 1 denial in min, 3600, 1, 60, 1, 3600",
        "'  10 s  after 100 denials in 24h x3 up to 7day ', 10, 100, 86400, 3, 604800",
    })
    void textIsRead(String text, long block, long denials, long within, long factor, long longest) {
        Penalty penalty = Penalty.parse(text);
        assertEquals(block * 1_000_000, penalty.blockMicros());
        assertEquals(denials, penalty.denials().permits());
        assertEquals(within * 1_000_000, penalty.denials().periodMicros());
        assertEquals(factor, penalty.factor());
        assertEquals(longest * 1_000_000, penalty.longestMicros());
        assertEquals(text.strip(), Policy.of("p", "1/s").withBlock(text).block());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "15min",
                "15min after 0 denials in 1min",
                "15min after -1 denials in 1min",
                "0s after 5 denials in 1min",
                "15 parsecs after 5 denials in 1min",
                "15min after 5 denials in 1fortnight",
                "15min after 5 denials in 400day",
                "400day after 5 denials in 1min",
                "15min after 99999999999999999999 denials in 1min",
                "15min after 5 denials in 1min x1 up to 1day",
                "15min after 5 denials in 1min x101 up to 1day",
                "15min after 5 denials in 1min x2 up to 1min",
                "15min after 5 denials in 1min x2 up to 200day",
                "15min after 5 denials in 1min x2",
            })
    void malformedTextIsRefused(String text) {
        Policy policy = Policy.of("p", "1/s");
        String message = assertThrows(IllegalArgumentException.class, () -> policy.withBlock(text))
                .getMessage();
        assertTrue(message.startsWith("The block \"" + text + "\""), message);
        assertTrue(message.contains("; write "), message);
    }

    @Test
    void policyThatCannotBlockIsRefused() {
        Policy slots = Policy.of("slots", "2 concurrent");
        assertThrows(IllegalArgumentException.class, () -> slots.withBlock("1min after 5 denials in 1min"));
        Policy named = Policy.of("n".repeat(193), "1/s");
        assertThrows(IllegalArgumentException.class, () -> named.withBlock("1min after 5 denials in 1min"));
        Policy both = Policy.of("both", "5/min; 2 concurrent").withBlock("1min after 5 denials in 1min");
        assertNull(both.concurrencyOnly().block());
        assertEquals("1min after 5 denials in 1min", both.rateLimitsOnly().block());
    }

    private static final class CountingBackend extends ForwardingBackend {

        private final AtomicInteger blocks = new AtomicInteger();
        private final AtomicInteger historyCalls = new AtomicInteger();
        private volatile boolean fails;
        private volatile boolean failsToBlock;

        CountingBackend(MemoryBackend memory) {
            super(memory);
        }

        @Override
        public boolean isLocal() {
            return false;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            historyCalls.addAndGet(policy.name().endsWith(":blocks") ? 1 : 0);
            return fails
                    ? CompletableFuture.failedFuture(new IllegalStateException("down"))
                    : super.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            if (failsToBlock) {
                return CompletableFuture.failedFuture(new IllegalStateException("down"));
            }
            blocks.incrementAndGet();
            return super.block(policy, key, micros);
        }
    }
}
