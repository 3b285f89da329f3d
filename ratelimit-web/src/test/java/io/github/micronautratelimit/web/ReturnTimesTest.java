package io.github.micronautratelimit.web;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clients that are denied together get different times to return. The time is virtual. */
class ReturnTimesTest {

    private static final long SECOND = 1_000_000;
    private static final long START = 1_795_305_600_000_000L;

    private final VirtualClock clock = new VirtualClock(START);
    private final MemoryBackend backend = new MemoryBackend(clock, 100);
    private final Random seeded = new Random(19);
    private final LongUnaryOperator random = bound -> seeded.nextLong(bound + 1);

    private RetryAfter spread(String spread, int instances) {
        return new RetryAfter(Duration.ZERO, Duration.parse("PT" + spread), instances, clock::micros, random);
    }

    private Decisions ask(Policy policy, String key, long permits) {
        return new Decisions(
                List.of(new PermitRequest(policy, key, permits)),
                List.of(backend.acquireBlocking(policy, key, permits)));
    }

    private List<Long> told(RetryAfter times, Policy policy, String key, long permits, int denials) {
        List<Long> told = new ArrayList<>();
        while (told.size() < denials) {
            Decisions decisions = ask(policy, key, permits);
            if (!decisions.allowed()) {
                told.add(times.seconds(decisions));
            }
        }
        return told;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "1/s                 | 1 | 1 2 3 4 5 6",
                "3/s                 | 1 | 1 1 1 2 2 2",
                "1/10s               | 1 | 10 20 30 40 50 60",
                "10/s burst 20       | 5 | 1 1 2 2 3 3",
                "10/s; 1/min         | 1 | 60 120 180 240 300 360",
                "2/min fixed         | 1 | 60 60 120 120 180 180",
                "10/s; 2/min fixed   | 1 | 60 60 120 120 180 180",
                "1/min; 2/min fixed  | 2 | 0 0 0 0 0 0"
            })
    void eachDeniedClientIsToldWhenThePermitAfterTheLastOneComes(String limits, long permits, String expected) {
        assertEquals(
                expected,
                String.join(
                        " ",
                        told(spread("30M", 1), Policy.of("p", limits), "k", permits, 6).stream()
                                .map(String::valueOf)
                                .toList()));
    }

    @Test
    void timeThatPassesAndKeysOfOthersChangeNothing() {
        Policy policy = Policy.of("p", "1/s");
        RetryAfter times = spread("60S", 1);
        assertEquals(List.of(1L, 2L, 3L), told(times, policy, "k", 1, 3));
        assertEquals(List.of(1L, 2L), told(times, policy, "other", 1, 2));
        clock.advance(SECOND / 2);
        assertEquals(List.of(4L), told(times, policy, "k", 1, 1), "3.5 s, rounded up");
        clock.advance(20 * SECOND);
        assertEquals(List.of(1L, 2L), told(times, policy, "k", 1, 2), "all have come back");
    }

    @Test
    void clientThatDoesNotObeyPutsOthersOffByTheSpreadAtMost() {
        Policy policy = Policy.of("p", "1/s");
        RetryAfter times = spread("10S", 1);
        List<Long> told = told(times, policy, "k", 1, 10_000);
        assertEquals(List.of(1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L), told.subList(0, 11));
        assertTrue(told.stream().allMatch(seconds -> seconds >= 1 && seconds <= 11), told::toString);
        assertEquals(10, told.subList(11, 10_000).stream().distinct().count(), "and spreads the rest at random");
    }

    @Test
    void instancesTellDifferentTimes() {
        Policy policy = Policy.of("p", "1/s");
        List<Long> told = told(spread("60S", 4), policy, "k", 1, 5);
        assertTrue(told.get(0) >= 1 && told.get(0) <= 4, told::toString);
        for (int i = 1; i < 5; i++) {
            assertEquals(4, told.get(i) - told.get(i - 1));
        }
    }

    @Test
    void keysAreBoundedAndClientsOfOthersAreToldRandomTimes() {
        ReturnTimes times = new ReturnTimes(10 * SECOND, 1, bound -> bound);
        Policy policy = Policy.of("p", "1/s");
        Decision.Denied denial = new Decision.Denied(0, SECOND, SECOND, policy.rateLimits(), Decision.Source.STORE);
        for (int i = 0; i < ReturnTimes.MAX_KEYS; i++) {
            assertEquals(SECOND, times.waitMicros(new PermitRequest(policy, "k" + i, 1), denial, START));
        }
        assertEquals(11 * SECOND, times.waitMicros(new PermitRequest(policy, "beyond", 1), denial, START));
        assertEquals(ReturnTimes.MAX_KEYS, times.size());
        times.waitMicros(new PermitRequest(policy, "later", 1), denial, START + 2 * SECOND);
        assertEquals(1, times.size());
    }

    @Test
    void spreadOutOfRangeIsRejected() {
        assertEquals(
                "The spread is PT-1S; write 0s or more.",
                assertThrows(IllegalArgumentException.class, () -> spread("-1S", 1))
                        .getMessage());
        assertEquals(
                "The spread is PT1.5S, but Retry-After counts whole seconds; write a number of seconds such as 2s.",
                assertThrows(IllegalArgumentException.class, () -> spread("1.5S", 1))
                        .getMessage());
        assertEquals(
                "The spread is PT2H; write at most 1h.",
                assertThrows(IllegalArgumentException.class, () -> spread("2H", 1))
                        .getMessage());
    }

    /** The end of a crowd: when the last client was served, and the denials of all. */
    private record Crowd(long millis, int denials) {}

    /** Lets clients ask at the same time, and obey. An answer and the next request take a random time. */
    private Crowd crowd(int clients, String limits, RetryAfter times, long latencyMicros) {
        record Arrival(long atMicros, int client) {}
        PriorityQueue<Arrival> arrivals = new PriorityQueue<>((one, other) -> one.atMicros == other.atMicros
                ? Integer.compare(one.client, other.client)
                : Long.compare(one.atMicros, other.atMicros));
        for (int client = 0; client < clients; client++) {
            arrivals.add(new Arrival(clock.micros() + random.applyAsLong(latencyMicros), client));
        }
        Policy policy = Policy.of("p", limits);
        int denials = 0;
        while (!arrivals.isEmpty()) {
            Arrival arrival = arrivals.remove();
            clock.advance(arrival.atMicros - clock.micros());
            Decisions decisions = ask(policy, "k", 1);
            if (!decisions.allowed()) {
                denials++;
                long wait = times.seconds(decisions) * SECOND + random.applyAsLong(latencyMicros);
                arrivals.add(new Arrival(clock.micros() + wait, arrival.client));
            }
        }
        return new Crowd((clock.micros() - START) / 1_000, denials);
    }

    @Test
    void crowdThatObeysIsServedInTurn() {
        assertEquals(new Crowd(29_000, 435), crowd(30, "1/s", spread("0S", 1), 0), "today: each second all come back");
        clock.advance(START + 100_000 * SECOND - clock.micros());
        Crowd spread = crowd(30, "1/s", spread("60S", 1), 0);
        assertEquals(29, spread.denials, "one denial each");
    }

    /**
     * With a bucket of one permit, a client that comes a little less than a second after the one before it is denied
     * again, so more than one denial each is expected there.
     */
    @ParameterizedTest
    @CsvSource({"1/s, 30, 1.7", "1/s burst 2, 30, 1.1", "10/s, 200, 1.1"})
    void crowdWithLatenciesIsServedWithFewDenials(String limits, int clients, double most) {
        Crowd together = crowd(clients, limits, spread("0S", 1), 20_000);
        long begun = (clock.micros() - START) / 1_000;
        Crowd spread = crowd(clients, limits, spread("300S", 1), 20_000);
        double perSecond = limits.startsWith("10/s") ? 10 : 1;
        double seconds = (spread.millis - begun) / 1_000.0;
        assertTrue(together.denials > 9 * clients, together::toString);
        assertTrue(spread.denials <= most * clients, spread::toString);
        assertTrue(seconds <= most * clients / perSecond + 1, () -> seconds + " s");
    }
}
