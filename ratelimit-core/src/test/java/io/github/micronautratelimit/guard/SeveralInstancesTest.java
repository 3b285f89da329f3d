package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.guard.Fallback.Charge;
import io.github.micronautratelimit.internal.Scheduler;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.memory.MemoryBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several instances over one store that fails now and then, in virtual time and without threads. */
class SeveralInstancesTest {

    private static final long SECOND = 1_000_000;
    private static final String KEY = "key";

    private final Random random = new Random(7);
    private long micros = 1_700_000_000_300_123L;
    private final MemoryBackend store = new MemoryBackend(() -> micros, 1_000);

    /** The ways in which the store answers a call. */
    private enum Answer {
        IN_TIME,
        /** The store charges the permits, but the caller does not learn of it. */
        LATE,
        /** The store has not executed the call, and nobody knows. */
        LOST,
        /** The store has surely not executed the call. */
        REFUSED
    }

    private final class Instance {

        private final UnsettledCharges unsettled = new UnsettledCharges(() -> micros, Scheduler.SYSTEM);
        private final Fallback fallback;

        Instance(int instances) {
            this.fallback = new Fallback(() -> micros, instances, unsettled);
        }

        boolean acquire(Policy policy, long permits, Answer answer) {
            if (answer == Answer.IN_TIME || answer == Answer.LATE) {
                Decision decision = store.acquireBlocking(policy, KEY, permits);
                if (answer == Answer.IN_TIME) {
                    fallback.follow(policy, KEY, permits, decision);
                    return decision.allowed();
                }
            }
            return fallback.acquire(policy, KEY, permits, answer == Answer.REFUSED ? Charge.LATER : Charge.NOT)
                    .allowed();
        }

        void recover() {
            try {
                assertTrue(unsettled.charge(
                        store,
                        (policy, key) -> true,
                        60 * 1_000 * SECOND,
                        60 * 1_000 * SECOND,
                        (request, failure) -> {}));
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private List<Instance> instances(int count) {
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            instances.add(new Instance(count));
        }
        return instances;
    }

    /** Returns the most permits that a store without faults would grant. */
    private static long exact(Policy policy, long duration) {
        long most = Long.MAX_VALUE;
        for (Limit limit : policy.rateLimits()) {
            long periods = duration / limit.periodMicros() + 1;
            most = Math.min(
                    most,
                    limit instanceof TokenBucket
                            ? limit.capacity() + limit.permits() * duration / limit.periodMicros()
                            : limit.permits() * periods);
        }
        return most;
    }

    private static void assertWithin(long least, long most, long granted) {
        assertTrue(granted >= least && granted <= most, () -> granted + " of " + least + " to " + most);
    }

    /** Four times as many requests as the limit, evenly over the instances. */
    @ParameterizedTest
    @CsvSource({
        "60/s, 3, 10, LATE",
        "60/s, 3, 25, LATE",
        "60/s, 1, 10, LATE",
        "60/s, 8, 40, LATE",
        "60/s, 3, 10, LOST",
        "60/s, 3, 90, LOST",
        "60/s burst 120, 4, 10, LATE",
        "120/2s sliding, 3, 10, LATE",
        "120/2s sliding, 3, 40, LOST",
        "120/2s fixed, 3, 10, LATE",
        "120/2s fixed, 3, 25, LATE",
        "60/s; 100/2s sliding, 3, 10, LATE"
    })
    void lateAnswersGrantNoSecondLimit(String limits, int count, int percent, Answer late) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long start = micros;
        long granted = 0;
        while (micros < start + 67 * SECOND) {
            micros += 4_000 + random.nextInt(334);
            Answer answer = random.nextInt(100) < percent ? late : Answer.IN_TIME;
            granted += instances.get(random.nextInt(count)).acquire(policy, 1, answer) ? 1 : 0;
        }
        long exact = exact(policy, micros - start);
        assertWithin(exact * 85 / 100, exact * 110 / 100, granted);
    }

    /** The store refuses calls for 300 ms, answers for 300 ms, and so on. */
    @ParameterizedTest
    @CsvSource({
        "60/s, 3, 300, 300",
        "60/s, 1, 300, 300",
        "60/s, 8, 100, 900",
        "120/2s sliding, 3, 300, 300",
        "120/2s fixed, 3, 300, 300",
        "120/2s fixed, 1, 2500, 700",
        "60/s; 100/2s sliding, 4, 300, 300",
        "1000/h, 4, 60000, 60000"
    })
    void flapsGrantNoSecondLimit(String limits, int count, long downMillis, long upMillis) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long start = micros;
        long granted = 0;
        long step = Math.max(2_000, (downMillis + upMillis) * 1_000 / 150);
        for (int flap = 0; flap < 100; flap++) {
            long up = micros + downMillis * 1_000;
            while (micros < up) {
                micros += step;
                granted += instances.get(random.nextInt(count)).acquire(policy, 1, Answer.REFUSED) ? 1 : 0;
            }
            instances.forEach(Instance::recover);
            long down = micros + upMillis * 1_000;
            while (micros < down) {
                micros += step;
                granted += instances.get(random.nextInt(count)).acquire(policy, 1, Answer.IN_TIME) ? 1 : 0;
            }
        }
        long exact = exact(policy, micros - start);
        assertWithin(exact * 75 / 100, exact * 110 / 100, granted);
    }

    /** Permits of an outage come back on all instances together as fast as in the store, and no faster. */
    @ParameterizedTest
    @CsvSource({
        "100/min, 1, 15, 25",
        "100/min, 4, 15, 25",
        "100/min, 5, 15, 25",
        "100/min, 4, 0, 0",
        "100/min, 4, 45, 75",
        "100/min, 20, 30, 50",
        "80/8s, 8, 4, 40",
        "60/min; 100/h, 4, 30, 0",
        "100/min sliding, 4, 15, 0",
        "100/h fixed, 4, 15, 0"
    })
    void chargesAfterAnOutageLeaveWhatTheStoreWouldHaveLeft(String limits, int count, long seconds, long left) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long granted = 0;
        for (int i = 0; i < 200; i++) {
            granted += instances.get(i % count).acquire(policy, 1, Answer.REFUSED) ? 1 : 0;
        }
        assertEquals(policy.capacity(), granted);
        micros += seconds * SECOND;
        instances.forEach(Instance::recover);
        long remaining = store.peek(policy, KEY, 0).join().remaining();
        assertWithin(Math.max(0, left - count + 1), left, remaining);
    }

    /** One outage with demand all the time, before, during and after it. */
    @ParameterizedTest
    @CsvSource({
        "80/8s, 1, 90",
        "80/8s, 2, 90",
        "80/8s, 4, 90",
        "80/8s, 8, 90",
        "100/min, 4, 90",
        "80/8s sliding, 4, 66",
        "80/8s fixed, 4, 75"
    })
    void oneOutageGrantsNoMoreThanTheLimit(String limits, int count, int leastPercent) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long start = micros;
        long granted = 0;
        boolean wasDown = false;
        while (micros < start + 16 * SECOND) {
            micros += 7_001;
            boolean down = micros - start > 3 * SECOND && micros - start < 11 * SECOND;
            if (wasDown && !down) {
                instances.forEach(Instance::recover);
            }
            wasDown = down;
            Answer answer = down ? Answer.REFUSED : Answer.IN_TIME;
            granted += instances.get(random.nextInt(count)).acquire(policy, 1, answer) ? 1 : 0;
        }
        long exact = exact(policy, micros - start);
        assertWithin(exact * leastPercent / 100, exact + exact / 10, granted);
    }

    /** In each fixed window, calls that were lost before the store had granted all are granted in addition. */
    @ParameterizedTest
    @CsvSource({"120/2s fixed, 3, 25", "120/2s fixed, 3, 60", "120/2s sliding, 3, 90"})
    void lostCallsAreGrantedAtMostTheLimitTwice(String limits, int count, int percent) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long start = micros;
        long granted = 0;
        while (micros < start + 60 * SECOND) {
            micros += 4_000 + random.nextInt(334);
            Answer answer = random.nextInt(100) < percent ? Answer.LOST : Answer.IN_TIME;
            granted += instances.get(random.nextInt(count)).acquire(policy, 1, answer) ? 1 : 0;
        }
        long exact = exact(policy, micros - start);
        assertWithin(exact * 85 / 100, 2 * exact, granted);
    }

    /** If one instance gets all requests while the store answers, and the others all while it does not. */
    @ParameterizedTest
    @CsvSource({"60/s, 2", "60/s, 4", "120/2s sliding, 4", "120/2s fixed, 4"})
    void unevenRequestsAreGrantedAtMostTheLimitTwice(String limits, int count) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        long start = micros;
        long granted = 0;
        while (micros < start + 60 * SECOND) {
            micros += 2_000;
            boolean answers = random.nextBoolean();
            Instance instance = instances.get(answers ? 0 : 1 + random.nextInt(count - 1));
            granted += instance.acquire(policy, 1, answers ? Answer.IN_TIME : Answer.LOST) ? 1 : 0;
        }
        long exact = exact(policy, micros - start);
        assertWithin(exact, 2 * exact, granted);
    }

    /**
     * Requests within the share of each instance pass, whatever the store does. Under a sliding window, the permits of
     * an outage count from the recovery on, so the store may deny for a period after it.
     */
    @ParameterizedTest
    @CsvSource({
        "60/s, 3, LATE",
        "60/s, 3, REFUSED",
        "60/s, 3, LOST",
        "100/min, 4, REFUSED",
        "120/2s sliding, 3, LATE",
        "120/2s sliding, 3, REFUSED",
        "120/2s fixed, 3, LATE",
        "120/2s fixed, 3, REFUSED",
        "60/s; 120/2s sliding, 3, LOST"
    })
    void requestsWithinTheShareAreAlwaysGranted(String limits, int count, Answer failure) {
        Policy policy = Policy.of("p", limits);
        List<Instance> instances = instances(count);
        Limit limit = policy.rateLimits().get(0);
        boolean countsLater = failure == Answer.REFUSED && limit instanceof SlidingWindow;
        long step = limit.periodMicros() * 100 / limit.permits() / 80;
        IntSupplier turn = new IntSupplier() {
            private int next;

            @Override
            public int getAsInt() {
                return next++ % count;
            }
        };
        for (int i = 0; i < 3_000; i++) {
            micros += step;
            boolean fails = i % 300 < 150 && i % 3 != 0;
            if (i % 300 == 150) {
                instances.forEach(Instance::recover);
            }
            int request = i;
            boolean granted = instances.get(turn.getAsInt()).acquire(policy, 1, fails ? failure : Answer.IN_TIME);
            assertTrue(granted || countsLater && i % 300 >= 150, () -> "request " + request);
        }
    }

    /** A request that costs more than is left of the share uses the share up. */
    @ParameterizedTest
    @CsvSource({"100/day, 4, 30", "100/day sliding, 4, 30", "100/day fixed, 4, 30", "100/day; 200/day fixed, 4, 26"})
    void expensiveGrantOfTheStoreUsesTheShareUp(String limits, int count, long permits) {
        Policy policy = Policy.of("p", limits);
        Instance instance = new Instance(count);
        assertTrue(instance.acquire(policy, permits, Answer.IN_TIME));
        assertTrue(!instance.acquire(policy, 1, Answer.REFUSED));
        assertTrue(new Instance(count).acquire(policy, 1, Answer.REFUSED), "another instance has had nothing");
    }
}
