package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Callers of several instances that charge, refund, reserve and settle one key at the same time, one call each. */
@Timeout(120)
class ReservationRaceTest {

    private static final int INSTANCES = 4;
    private static final int CALLERS = 16;
    private static final int ROUNDS = 15;
    private static final long TTL = 3_600_000_000L;
    private static final String KEY = "key";

    private final CountingClient client = new CountingClient();
    private final String namespace = "race-" + UUID.randomUUID();
    /** Every reading is a later instant, so that callers overtake each other. */
    private final AtomicLong time = new AtomicLong(1_790_000_163_376_680L);

    private final MicroClock clock = time::incrementAndGet;
    private final List<DynamoDbBackend> instances = IntStream.range(0, INSTANCES)
            .mapToObj(i -> new DynamoDbBackend(client, CountingClient.TABLE, namespace, clock, () -> {}))
            .toList();

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static List<Long> race(int callers, Caller caller) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(callers);
        CyclicBarrier start = new CyclicBarrier(callers);
        try {
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < callers; i++) {
                int number = i;
                Callable<Long> work = () -> {
                    start.await();
                    return caller.call(number);
                };
                all.add(threads.submit(work));
            }
            List<Long> results = new ArrayList<>();
            for (Future<Long> each : all) {
                results.add(each.get());
            }
            return results;
        } finally {
            threads.shutdownNow();
        }
    }

    private interface Caller {
        long call(int number) throws Exception;
    }

    /**
     * In the end, exactly the permits that the callers have used are charged. A token comes back every nine hours at
     * the earliest.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "1000/365day",
                "100000/365day fixed",
                "100000/365day sliding",
                "1000/365day; 100000/300day sliding; 100000/365day fixed"
            })
    void sumIsExact(String limits) throws Exception {
        Policy policy = Policy.of("race", limits);
        long used = race(CALLERS, number -> {
                    Random random = new Random(number);
                    DynamoDbBackend backend = instances.get(number % INSTANCES);
                    long sum = 0;
                    for (int i = 0; i < ROUNDS; i++) {
                        sum += random.nextBoolean()
                                ? reserveAndSettle(backend, policy, random)
                                : chargeAndRefund(backend, policy, random);
                    }
                    return sum;
                })
                .stream()
                .mapToLong(each -> each)
                .sum();
        double calls = 2.0 * CALLERS * ROUNDS;
        System.out.printf(
                "race, %s: %.2f requests, %.2f writes a call%n",
                limits, client.requests() / calls, client.writes() / calls);
        long remaining = join(instances.get(0).peek(policy, KEY, 0)).remaining();
        long free = policy.capacity() - used;
        // Several charges may wait for the same drip of a bucket, so a fraction of a token may be missing.
        assertTrue(
                remaining == free || remaining == free - 1 && limits.startsWith("1000/"),
                () -> free + " free, not " + remaining);
        assertEquals(remaining, join(instances.get(1).acquire(policy, KEY, 0)).remaining(), "another instance");
    }

    private static long reserveAndSettle(DynamoDbBackend backend, Policy policy, Random random) {
        UUID id = new UUID(random.nextLong(), random.nextLong());
        long estimate = 1 + random.nextInt(3);
        var decision = (Decision.Allowed) join(backend.reserve(policy, KEY, id, estimate, TTL));
        long actual = random.nextInt(4);
        var receipt =
                new Reservation.Receipt(id, estimate, decision.chargedAtMicros(), decision.chargedAtMicros() + TTL);
        assertEquals(
                Reservation.Outcome.SETTLED,
                join(backend.settle(policy, KEY, receipt, actual)).outcome());
        return actual;
    }

    private static long chargeAndRefund(DynamoDbBackend backend, Policy policy, Random random) {
        long cost = 1 + random.nextInt(3);
        var decision = (Decision.Allowed) join(backend.acquire(policy, KEY, cost));
        if (random.nextInt(3) == 0) {
            return cost;
        }
        long chargedAt = random.nextInt(5) == 0 ? LimitState.LATEST : decision.chargedAtMicros();
        join(backend.refund(policy, KEY, cost, chargedAt));
        return 0;
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/365day", "100/365day sliding", "100/365day fixed"})
    void estimatesDoNotExceedTheLimit(String limits) throws Exception {
        Policy policy = Policy.of("five", limits);
        assertEquals(
                2,
                race(5, number -> {
                            Decision decision = join(
                                    instances.get(number % INSTANCES).reserve(policy, KEY, UUID.randomUUID(), 35, TTL));
                            return decision.allowed() ? 1 : 0;
                        })
                        .stream()
                        .mapToLong(each -> each)
                        .sum());
        assertEquals(30, join(instances.get(0).peek(policy, KEY, 0)).remaining());
    }

    /** All callers settle the same reservation: one of them does. */
    @ParameterizedTest
    @ValueSource(strings = {"100/365day", "100/365day sliding", "100/365day fixed"})
    void reservationIsSettledOnce(String limits) throws Exception {
        Policy policy = Policy.of("once", limits);
        UUID id = UUID.randomUUID();
        var decision = (Decision.Allowed) join(instances.get(0).reserve(policy, KEY, id, 40, TTL));
        join(instances.get(1).reserve(policy, KEY, UUID.randomUUID(), 10, TTL));
        var receipt = new Reservation.Receipt(id, 40, decision.chargedAtMicros(), decision.chargedAtMicros() + TTL);
        long settled = race(CALLERS, number -> {
                    var outcome = join(instances.get(number % INSTANCES).settle(policy, KEY, receipt, 60))
                            .outcome();
                    return outcome == Reservation.Outcome.SETTLED ? 1 : 0;
                })
                .stream()
                .mapToLong(each -> each)
                .sum();
        assertEquals(1, settled);
        assertEquals(30, join(instances.get(0).peek(policy, KEY, 0)).remaining());
    }

    /** The number of open reservations is exact too. */
    @ParameterizedTest
    @ValueSource(strings = {"100/365day", "100/365day sliding", "100/365day fixed"})
    void openReservationsAreBounded(String limits) throws Exception {
        Policy policy = Policy.of("bound", limits).withReservations(new ReservationRules(6, 0, false));
        long granted = race(CALLERS, number -> {
                    Decision reserved =
                            join(instances.get(number % INSTANCES).reserve(policy, KEY, UUID.randomUUID(), 1, TTL));
                    return reserved.allowed() ? 1 : 0;
                })
                .stream()
                .mapToLong(each -> each)
                .sum();
        assertEquals(6, granted);
        assertEquals(94, join(instances.get(0).peek(policy, KEY, 0)).remaining());
    }
}
