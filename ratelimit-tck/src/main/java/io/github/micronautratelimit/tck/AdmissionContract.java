package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A backend grants exactly the capacity of the limits, even to many concurrent callers. */
interface AdmissionContract extends Contract {

    /** 32 threads use 4 instances. */
    @AllLimitKinds
    default void concurrentCallersGetExactlyTheCapacity(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            List<RateLimiter> callers = testCase.callers(4);
            long granted = ConcurrentCallers.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 50; i++) {
                    mine += callers.get(thread % 4).tryAcquire(policy, "key").allowed() ? 1 : 0;
                }
                return mine;
            });
            assertEquals(100, granted);
            assertEquals(0, testCase.status(policy, "key").remaining());
        }
    }

    /** Requests have different costs. Granted and remaining permits add up to the capacity. */
    @AllLimitKinds
    default void concurrentCallersWithDifferentCostsGetExactlyTheCapacity(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            List<RateLimiter> callers = testCase.callers(4);
            long granted = ConcurrentCallers.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 20; i++) {
                    int permits = 3 + (thread + i) % 9;
                    mine += callers.get(thread % 4)
                                    .tryAcquire(policy, "key", permits)
                                    .allowed()
                            ? permits
                            : 0;
                }
                return mine;
            });
            assertTrue(granted > 100 - 3, () -> "3 permits were denied while more were free: granted " + granted);
            assertEquals(100 - granted, testCase.status(policy, "key").remaining());
            assertEquals(100 - granted, testCase.drain(policy, "key", 200));
        }
    }

    /** Permits that come back during the requests are granted once. */
    @AllLimitKinds
    default void concurrentCallersGetRefilledPermitsOnce(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            List<RateLimiter> callers = testCase.callers(4);
            assertEquals(100, testCase.drain(policy, "key", 200));
            long step = testCase.status(policy, "key").resetAfterMicros() / 400;
            long end = testCase.clock.micros() + testCase.status(policy, "key").resetAfterMicros();
            long granted = ConcurrentCallers.granted(16, thread -> {
                long mine = 0;
                while (testCase.clock.micros() < end) {
                    if (thread == 0) {
                        testCase.clock.set(Math.min(end, testCase.clock.micros() + step));
                    }
                    mine += callers.get(thread % 4).tryAcquire(policy, "key").allowed() ? 1 : 0;
                }
                return mine;
            });
            assertEquals(100, granted + testCase.drain(policy, "key", 200));
        }
    }

    /** A caller that stays within the rate is never denied. */
    @ParameterizedTest(name = "{0}: {1} each {2} us")
    @CsvSource({
        "100/min, 1, 600000",
        "7/s burst 1, 1, 142858",
        "7/s burst 3, 3, 428572",
        "97/3s, 1, 30928",
        "1000000/s, 1, 1",
        "1/day, 1, 86400000000",
        "100/min sliding, 100, 60937500",
        "1/s sliding, 1, 1015625",
        "10/h sliding, 10, 3656250000",
        "100/min fixed, 100, 60000000",
        "3/day fixed, 3, 86400000000",
        "100/min; 100/min sliding; 100/min fixed, 100, 60937500"
    })
    default void callerWithinTheRateIsNeverDenied(String limits, int permits, long everyMicros) {
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(limits);
            testCase.drain(policy, "key", 200);
            for (int i = 0; i < Math.max(15, 300 / permits); i++) {
                testCase.clock.advance(everyMicros);
                for (int n = 0; n < permits; n++) {
                    assertTrue(testCase.limiter.tryAcquire(policy, "key").allowed(), "time " + i + ", request " + n);
                }
            }
        }
    }
}
