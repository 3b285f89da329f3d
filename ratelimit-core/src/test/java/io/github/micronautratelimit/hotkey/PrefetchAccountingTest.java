package io.github.micronautratelimit.hotkey;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.GuardedSource;
import io.github.micronautratelimit.testing.LedgerStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** For any requests of several instances: every granted permit is charged, and in the end all others are refunded. */
class PrefetchAccountingTest {

    private static final long DAY = 86_400_000_000L;
    private static final int MAX_PREFETCH = 20;

    /** An instance of the application on the shared store. */
    private record Instance(PrefetchingBackend backend, RateLimiter limiter) {

        static Instance on(RateLimitBackend store, AtomicLong micros) {
            PrefetchingBackend backend = GuardedSource.prefetching(store, micros::get);
            return new Instance(
                    backend, RateLimiter.builder(backend).unguarded().build());
        }

        long granted(Policy policy, long permits) {
            return Await.result(backend.acquire(policy, "key", permits)).allowed() ? permits : 0;
        }

        long held() {
            LimiterStats.Prefetch stats = limiter.stats().prefetch();
            return Objects.requireNonNull(stats).held();
        }
    }

    private record Step(Kind kind, int instance, long amount) {}

    private enum Kind {
        ACQUIRE,
        BURST,
        SEVERAL,
        WAIT,
        SWEEP,
        REFUND,
        PEEK
    }

    @Provide
    static Arbitrary<List<Step>> steps() {
        return Combinators.combine(
                        Arbitraries.of(
                                Kind.ACQUIRE,
                                Kind.BURST,
                                Kind.BURST,
                                Kind.SEVERAL,
                                Kind.WAIT,
                                Kind.SWEEP,
                                Kind.REFUND,
                                Kind.PEEK),
                        Arbitraries.integers().between(0, 2),
                        Arbitraries.longs().between(0, 60))
                .as(Step::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(60);
    }

    @Provide
    static Arbitrary<String> limits() {
        return Arbitraries.of(
                "100/365day",
                "500/365day sliding",
                "300/365day fixed",
                "400/365day; 1000/366day sliding",
                "50/365day burst 1000; 700/365day fixed");
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void everyGrantedPermitIsCharged(@ForAll("limits") String limits, @ForAll("steps") List<Step> steps) {
        // Far from the end of any window: the permits that expire there have a test of their own.
        AtomicLong micros = new AtomicLong(365 * DAY * 50 + 100 * DAY);
        LedgerStore store = new LedgerStore(micros::get);
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            instances.add(Instance.on(store, micros));
        }
        Policy policy = Policy.of("p", limits).withMaxPrefetch(MAX_PREFETCH);
        Policy exact = policy.withMaxPrefetch(0);
        long granted = 0;
        for (Step step : steps) {
            Instance instance = instances.get(step.instance);
            switch (step.kind) {
                case ACQUIRE -> granted += instance.granted(policy, step.amount);
                case BURST -> {
                    for (int i = 0; i < step.amount; i++) {
                        granted += instance.granted(i % 7 == 0 ? exact : policy, 1);
                    }
                }
                case SEVERAL -> {
                    List<Decision> decisions = Await.result(instance.backend.acquireAll(List.of(
                            new PermitRequest(policy, "key", 1),
                            new PermitRequest(exact, "key", 2),
                            new PermitRequest(policy, "key", step.amount % 3))));
                    assertEquals(3, decisions.size());
                    boolean allowed = decisions.stream().allMatch(Decision::allowed);
                    granted += allowed ? 3 + step.amount % 3 : 0;
                }
                case WAIT -> micros.addAndGet(step.amount * 20_000);
                case SWEEP -> instance.backend.sweep();
                case REFUND -> {
                    long refunded = Math.min(step.amount, granted);
                    Await.result(instance.backend.refund(policy, "key", refunded, LimitState.LATEST));
                    granted -= refunded;
                }
                case PEEK -> Await.result(instance.backend.peek(policy, "key", step.amount));
            }
            long held = 0;
            for (Instance each : instances) {
                assertTrue(each.held() <= MAX_PREFETCH, () -> each.held() + " held");
                held += each.held();
            }
            assertEquals(store.charged(), granted + held, "after " + step);
            assertTrue(granted <= policy.capacity(), "granted " + granted);
        }
        instances.forEach(instance -> instance.backend.close());
        assertEquals(granted, store.charged());
    }

    /** Several requests of one instance, some time after the previous visit. */
    private record Visit(int instance, long gapMicros, int requests) {}

    private record Grant(long micros, long heldBefore) {}

    @Provide
    static Arbitrary<List<Visit>> visits() {
        return Combinators.combine(
                        Arbitraries.integers().between(0, 1),
                        Arbitraries.oneOf(
                                Arbitraries.of(0L, 1_000L, 250_000L, 500_000L),
                                Arbitraries.longs().between(0, 300_000)),
                        Arbitraries.integers().between(0, 15))
                .as(Visit::new)
                .list()
                .ofMinSize(1)
                .ofMaxSize(50);
    }

    @Provide
    static Arbitrary<String> rates() {
        return Arbitraries.of(
                "20/s", "50/s burst 10", "7/s burst 30", "30/s sliding", "40/2s sliding", "30/s fixed", "60/3s fixed");
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void grantsOfAnyPeriodStayWithinTheLimitAndThePermitsHeldBefore(
            @ForAll("rates") String limits, @ForAll("visits") List<Visit> visits) {
        AtomicLong micros = new AtomicLong(20_000 * DAY + 123_456);
        LedgerStore store = new LedgerStore(micros::get);
        List<Instance> instances = List.of(Instance.on(store, micros), Instance.on(store, micros));
        Policy policy = Policy.of("p", limits).withMaxPrefetch(MAX_PREFETCH);
        List<Grant> grants = new ArrayList<>();
        for (Visit visit : visits) {
            micros.addAndGet(visit.gapMicros);
            instances.forEach(instance -> instance.backend.sweep());
            for (int i = 0; i < visit.requests; i++) {
                long held = instances.stream().mapToLong(Instance::held).sum();
                if (instances.get(visit.instance).granted(policy, 1) == 1) {
                    grants.add(new Grant(micros.get(), held));
                }
            }
        }
        instances.forEach(instance -> instance.backend.close());
        Limit limit = policy.rateLimits().get(0);
        for (int from = 0; from < grants.size(); from++) {
            for (int to = from; to < grants.size(); to++) {
                assertWithin(limit, grants.get(from), grants.get(to).micros, to - from + 1);
            }
        }
    }

    private static void assertWithin(Limit limit, Grant first, long last, long granted) {
        long period = limit.periodMicros();
        if (limit instanceof FixedWindow) {
            assertTrue(
                    first.micros / period != last / period || granted <= limit.permits(),
                    () -> granted + " in a window");
        } else if (limit instanceof TokenBucket) {
            assertTrue(
                    (granted - limit.capacity() - first.heldBefore) * period <= (last - first.micros) * limit.permits(),
                    () -> granted + " in " + (last - first.micros) + " us from " + first);
        } else {
            assertTrue(
                    last - first.micros > period || granted <= limit.permits() + first.heldBefore,
                    () -> granted + " in " + (last - first.micros) + " us from " + first);
        }
    }

    /** 64 threads per instance. A new instance is granted the permits that the others held and refunded. */
    @ParameterizedTest
    @ValueSource(strings = {"5000/366day", "5000/366day sliding", "5000/366day fixed"})
    void fourInstancesTogetherGrantExactlyTheLimit(String limits) throws Exception {
        AtomicLong micros = new AtomicLong(366 * DAY * 50 + 100 * DAY);
        LedgerStore store = new LedgerStore(micros::get);
        Policy policy = Policy.of("p", limits).withMaxPrefetch(50);
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            instances.add(Instance.on(store, micros));
        }
        ExecutorService threads = Executors.newFixedThreadPool(256);
        long granted = 0;
        try {
            CyclicBarrier start = new CyclicBarrier(256);
            List<Future<Long>> grants = new ArrayList<>();
            for (int i = 0; i < 256; i++) {
                Instance instance = instances.get(i % 4);
                grants.add(threads.submit(() -> {
                    start.await(60, TimeUnit.SECONDS);
                    long own = 0;
                    for (int n = 0; n < 30; n++) {
                        own += instance.granted(policy, 1);
                    }
                    return own;
                }));
            }
            for (Future<Long> own : grants) {
                granted += own.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        long held = instances.stream().mapToLong(Instance::held).sum();
        assertTrue(held <= 4 * 50, "held " + held);
        assertEquals(store.charged(), granted + held);
        assertTrue(granted >= 5_000 - 4 * 50, "granted " + granted);
        instances.forEach(instance -> instance.backend.close());
        assertEquals(granted, store.charged());
        Instance later = Instance.on(store, micros);
        for (int i = 0; i < 500; i++) {
            granted += later.granted(policy, 1);
        }
        assertEquals(5_000, granted);
    }
}
