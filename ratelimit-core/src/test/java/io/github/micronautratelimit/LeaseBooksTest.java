package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever is asked, by several instances: nothing is granted that is not charged, and in the end all the rest is back. */
class LeaseBooksTest {

    private static final long DAY = 86_400_000_000L;
    private static final int MOST = 20;

    private record Step(Kind kind, int instance, long amount) {
    }

    private enum Kind {
        ACQUIRE, BURST, TOGETHER, WAIT, SWEEP, REFUND, LOOK
    }

    @Provide
    static Arbitrary<List<Step>> steps() {
        return Combinators.combine(Arbitraries.of(Kind.ACQUIRE, Kind.BURST, Kind.BURST, Kind.TOGETHER, Kind.WAIT, Kind.SWEEP,
                                Kind.REFUND, Kind.LOOK),
                        Arbitraries.integers().between(0, 2), Arbitraries.longs().between(0, 60)).as(Step::new)
                .list().ofMinSize(1).ofMaxSize(60);
    }

    @Provide
    static Arbitrary<String> limits() {
        return Arbitraries.of("100/365day", "500/365day sliding", "300/365day fixed", "400/365day; 1000/366day sliding",
                "50/365day burst 1000; 700/365day fixed");
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void whatIsGrantedIsCharged(@ForAll("limits") String limits, @ForAll("steps") List<Step> steps) {
        // Far from the end of any window: what lapses there has a test of its own.
        AtomicLong micros = new AtomicLong(365 * DAY * 50 + 100 * DAY);
        LedgerStore store = new LedgerStore(micros::get);
        List<PermitLeases> instances = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            instances.add(instance(store, micros));
        }
        Policy policy = Policy.of("p", limits).withMaxLease(MOST);
        Policy exact = policy.withMaxLease(0);
        long granted = 0;
        for (Step step : steps) {
            PermitLeases instance = instances.get(step.instance);
            switch (step.kind) {
                case ACQUIRE -> granted += granted(instance, policy, step.amount);
                case BURST -> {
                    for (int i = 0; i < step.amount; i++) {
                        granted += granted(instance, i % 7 == 0 ? exact : policy, 1);
                    }
                }
                case TOGETHER -> {
                    List<Decision> decisions = instance.acquireAll(List.of(new Ask(policy, "key", 1), new Ask(exact, "key", 2),
                            new Ask(policy, "key", step.amount % 3))).toCompletableFuture().join();
                    boolean allowed = decisions.size() == 3 && decisions.stream().allMatch(Decision::allowed);
                    granted += allowed ? 3 + step.amount % 3 : 0;
                }
                case WAIT -> micros.addAndGet(step.amount * 20_000);
                case SWEEP -> instance.sweep();
                case REFUND -> {
                    long given = Math.min(step.amount, granted);
                    instance.refund(policy, "key", given).toCompletableFuture().join();
                    granted -= given;
                }
                case LOOK -> instance.peek(policy, "key", step.amount).toCompletableFuture().join();
            }
            long held = 0;
            for (PermitLeases each : instances) {
                assertTrue(each.heldPermits() <= MOST, () -> each.heldPermits() + " held");
                held += each.heldPermits();
            }
            assertEquals(store.charged.get(), granted + held, "after " + step);
            assertTrue(granted <= policy.capacity(), "granted " + granted);
        }
        instances.forEach(PermitLeases::close);
        assertEquals(granted, store.charged.get());
    }

    /** So many requests of one instance, so long after the last. */
    private record Visit(int instance, long gapMicros, int requests) {
    }

    private record Grant(long micros, long heldBefore) {
    }

    @Provide
    static Arbitrary<List<Visit>> visits() {
        return Combinators.combine(Arbitraries.integers().between(0, 1),
                        Arbitraries.oneOf(Arbitraries.of(0L, 1_000L, 250_000L, 500_000L), Arbitraries.longs().between(0, 300_000)),
                        Arbitraries.integers().between(0, 15)).as(Visit::new)
                .list().ofMinSize(1).ofMaxSize(50);
    }

    @Provide
    static Arbitrary<String> rates() {
        return Arbitraries.of("20/s", "50/s burst 10", "7/s burst 30", "30/s sliding", "40/2s sliding", "30/s fixed", "60/3s fixed");
    }

    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void overAnyStretchOfTimeAsMuchIsGrantedAsIsPromisedAndWasHeld(@ForAll("rates") String limits,
                                                                   @ForAll("visits") List<Visit> visits) {
        AtomicLong micros = new AtomicLong(20_000 * DAY + 123_456);
        LedgerStore store = new LedgerStore(micros::get);
        List<PermitLeases> instances = List.of(instance(store, micros), instance(store, micros));
        Policy policy = Policy.of("p", limits).withMaxLease(MOST);
        List<Grant> grants = new ArrayList<>();
        for (Visit visit : visits) {
            micros.addAndGet(visit.gapMicros);
            instances.forEach(PermitLeases::sweep);
            for (int i = 0; i < visit.requests; i++) {
                long held = instances.stream().mapToLong(PermitLeases::heldPermits).sum();
                if (granted(instances.get(visit.instance), policy, 1) == 1) {
                    grants.add(new Grant(micros.get(), held));
                }
            }
        }
        instances.forEach(PermitLeases::close);
        Limit limit = policy.limits().get(0);
        for (int from = 0; from < grants.size(); from++) {
            for (int to = from; to < grants.size(); to++) {
                assertPromised(limit, grants.get(from), grants.get(to).micros, to - from + 1);
            }
        }
    }

    private static void assertPromised(Limit limit, Grant first, long last, long granted) {
        long period = limit.periodMicros();
        if (limit instanceof FixedWindow) {
            assertTrue(first.micros / period != last / period || granted <= limit.permits(), () -> granted + " in a window");
        } else if (limit instanceof TokenBucket) {
            assertTrue((granted - limit.capacity() - first.heldBefore) * period <= (last - first.micros) * limit.permits(),
                    () -> granted + " in " + (last - first.micros) + " us from " + first);
        } else {
            assertTrue(last - first.micros > period || granted <= limit.permits() + first.heldBefore,
                    () -> granted + " in " + (last - first.micros) + " us from " + first);
        }
    }

    private static long granted(PermitLeases instance, Policy policy, long permits) {
        return instance.acquire(policy, "key", permits).toCompletableFuture().join().allowed() ? permits : 0;
    }

    private static PermitLeases instance(RateLimitBackend store, AtomicLong micros) {
        return new PermitLeases(new Guard(store, "ledger", Duration.ofSeconds(30), 1, micros::get, List.of()), micros::get);
    }

    /** 64 threads behind each of 4 instances; whoever is denied while others hold what is left goes on when it is back. */
    @ParameterizedTest
    @ValueSource(strings = {"5000/366day", "5000/366day sliding", "5000/366day fixed"})
    void fourInstancesTogetherGrantExactlyTheLimit(String limits) throws Exception {
        AtomicLong micros = new AtomicLong(366 * DAY * 50 + 100 * DAY);
        LedgerStore store = new LedgerStore(micros::get);
        Policy policy = Policy.of("p", limits).withMaxLease(50);
        List<PermitLeases> instances = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            instances.add(instance(store, micros));
        }
        ExecutorService threads = Executors.newFixedThreadPool(256);
        long granted = 0;
        try {
            CyclicBarrier start = new CyclicBarrier(256);
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < 256; i++) {
                PermitLeases mine = instances.get(i % 4);
                all.add(threads.submit(() -> {
                    start.await(60, TimeUnit.SECONDS);
                    long own = 0;
                    for (int n = 0; n < 30; n++) {
                        own += granted(mine, policy, 1);
                    }
                    return own;
                }));
            }
            for (Future<Long> each : all) {
                granted += each.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
        long held = instances.stream().mapToLong(PermitLeases::heldPermits).sum();
        assertTrue(held <= 4 * 50, "held " + held);
        assertEquals(store.charged.get(), granted + held);
        assertTrue(granted >= 5_000 - 4 * 50, "granted " + granted);
        instances.forEach(PermitLeases::close);
        assertEquals(granted, store.charged.get());
        PermitLeases later = instance(store, micros);
        for (int i = 0; i < 500; i++) {
            granted += granted(later, policy, 1);
        }
        assertEquals(5_000, granted);
    }
}
