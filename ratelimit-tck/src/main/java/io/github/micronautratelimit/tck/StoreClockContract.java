package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * The contract of a store that decides by its own clock, on that clock: callers of several instances use one key at the
 * same time, while permits come back, and once the limits change. There is an order of their calls in which an exact
 * model gives each of them the answer that it got, to the microsecond.
 *
 * <p>Every policy has a second limit that is never reached, one fixed window of a year. The time until it resets tells
 * the instant at which the store decided, so most calls are in order without a search.
 *
 * <p>The system property {@code ratelimit.histories} is the number of histories; the default is {@value #HISTORIES}.
 */
public abstract class StoreClockContract {

    private static final int HISTORIES = 40;
    private static final int CALLERS = 6;
    private static final int CALLS = 20;
    /** Permits come back within a second. */
    private static final int MOST_TRIES = 10_000;

    private static final long YEAR_MICROS = TimeUnit.DAYS.toMicros(366);
    private static final Limit YEAR = Limit.fixedWindow(1_000_000_000, Duration.ofDays(366));

    /** Creates the suite. */
    protected StoreClockContract() {}

    /**
     * Returns another instance, with the clock of the store.
     *
     * @return a backend of the same keys as all others that this method has returned; the suite does not close it
     */
    protected abstract RateLimitBackend connect();

    /**
     * Returns the histories as test cases.
     *
     * @return one case per seed
     */
    @TestFactory
    public Stream<DynamicTest> concurrentCallsTakeEffectOneAfterTheOther() {
        return IntStream.rangeClosed(1, Integer.getInteger("ratelimit.histories", HISTORIES))
                .mapToObj(seed -> DynamicTest.dynamicTest("seed " + seed, () -> history(seed)));
    }

    private void history(int seed) {
        Random random = new Random(seed);
        String name = "clock-" + UUID.randomUUID();
        List<Policy> versions = List.of(policy(name, random), policy(name, random));
        List<CallRecorder> recorders = IntStream.range(0, CALLERS)
                .mapToObj(caller -> new CallRecorder(connect(), StoreClockContract::timeOf))
                .toList();
        CallRecorder first = new CallRecorder(connect(), StoreClockContract::timeOf);
        takeOne(first, versions.get(0));
        long begun = first.calls().get(0).at();
        long granted = 0;
        long[] held = new long[CALLERS];
        for (Policy policy : versions) {
            List<Random> randoms = IntStream.range(0, CALLERS)
                    .mapToObj(caller -> new Random(random.nextLong()))
                    .toList();
            granted += ConcurrentCallers.granted(CALLERS, caller -> {
                long before = held[caller];
                held[caller] = calls(recorders.get(caller), policy, randoms.get(caller), before);
                return Math.max(0, held[caller] - before);
            });
            // The limits change after a write whose time is known; that of a refund is not.
            takeOne(first, policy);
        }
        assertTrue(granted > 0, "the store grants");

        List<List<RecordedCall>> calls = new ArrayList<>(List.of(first.calls()));
        recorders.forEach(recorder -> calls.add(recorder.calls()));
        Linearization linearization = new Linearization(begun, calls);
        Set<ExactModel> states =
                linearization.after(Set.of(ExactModel.empty(versions.get(0).rateLimits(), begun)));
        assertFalse(states.isEmpty(), linearization::stuck);
        first.reset(versions.get(0));
    }

    private static void takeOne(CallRecorder recorder, Policy policy) {
        for (int tries = 0; recorder.acquire(policy, 1) == 0; tries++) {
            assertTrue(tries < MOST_TRIES, "a permit comes back");
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    /**
     * Refunds only what this caller was granted, so that the year always has usage and tells the time.
     *
     * @return the permits that were granted and not refunded, including those before
     */
    private static long calls(CallRecorder recorder, Policy policy, Random random, long before) {
        long held = before;
        for (int call = 0; call < CALLS; call++) {
            long permits = random.nextLong(1, 4);
            int choice = random.nextInt(10);
            if (choice < 4) {
                held += recorder.acquire(policy, permits);
            } else if (choice < 6) {
                held += recorder.acquireBatch(policy, List.of(permits, 1L, 2L));
            } else if (choice < 8 && held > 0) {
                long back = Math.min(held, permits);
                recorder.refund(policy, back);
                held -= back;
            } else {
                recorder.peek(policy, permits);
            }
        }
        return held;
    }

    private static Policy policy(String name, Random random) {
        List<Limit> limits = new ArrayList<>(RandomLimits.of(random, 2_000, 200_000));
        limits.add(YEAR);
        return Policy.of(name, limits).withOnError(OnError.CLOSED);
    }

    private static long timeOf(Decision decision) {
        long present = TimeUnit.MILLISECONDS.toMicros(System.currentTimeMillis());
        return (Math.floorDiv(present, YEAR_MICROS) + 1) * YEAR_MICROS - decision.resetAfterMicros();
    }
}
