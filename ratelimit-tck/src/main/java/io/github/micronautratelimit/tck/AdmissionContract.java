package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** Exactly what the limits grant is granted: no permit more and none less, however many ask at once. */
interface AdmissionContract extends Contract {

    /** 32 threads behind 4 instances share what is there. */
    @EachHundred
    default void aCrowdIsGrantedExactlyWhatIsThere(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            List<RateLimiter> callers = trial.callers(4);
            long granted = Crowd.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 50; i++) {
                    mine += callers.get(thread % 4).acquire(policy, "key").allowed() ? 1 : 0;
                }
                return mine;
            });
            assertEquals(100, granted);
            assertEquals(0, trial.standing(policy, "key").remaining());
        }
    }

    /** Requests of different cost: what they took and what is left add up. */
    @EachHundred
    default void aCrowdOfDifferentCostsIsGrantedExactlyWhatIsThere(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            List<RateLimiter> callers = trial.callers(4);
            long granted = Crowd.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 20; i++) {
                    int permits = 3 + (thread + i) % 9;
                    mine += callers.get(thread % 4).acquire(policy, "key", permits).allowed() ? permits : 0;
                }
                return mine;
            });
            assertTrue(granted > 100 - 3, () -> "3 permits were denied while more were free: granted " + granted);
            assertEquals(100 - granted, trial.standing(policy, "key").remaining());
            assertEquals(100 - granted, trial.drain(policy, "key", 200));
        }
    }

    /** Permits that come back while the crowd asks are granted once. */
    @EachHundred
    default void aCrowdIsGrantedExactlyWhatComesBack(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            List<RateLimiter> callers = trial.callers(4);
            assertEquals(100, trial.drain(policy, "key", 200));
            long step = trial.standing(policy, "key").resetAfterMicros() / 400;
            long end = trial.clock.micros() + trial.standing(policy, "key").resetAfterMicros();
            long granted = Crowd.granted(16, thread -> {
                long mine = 0;
                while (trial.clock.micros() < end) {
                    if (thread == 0) {
                        trial.clock.set(Math.min(end, trial.clock.micros() + step));
                    }
                    mine += callers.get(thread % 4).acquire(policy, "key").allowed() ? 1 : 0;
                }
                return mine;
            });
            assertEquals(100, granted + trial.drain(policy, "key", 200));
        }
    }

    /** Whoever keeps to the rate is never denied. */
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
        "100/min; 100/min sliding; 100/min fixed, 100, 60937500"})
    default void whoKeepsToTheRateIsNeverDenied(String limits, int permits, long everyMicros) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            trial.drain(policy, "key", 200);
            for (int i = 0; i < 300; i++) {
                trial.clock.advance(everyMicros);
                for (int n = 0; n < permits; n++) {
                    assertTrue(trial.limiter.acquire(policy, "key").allowed(), "time " + i + ", request " + n);
                }
            }
        }
    }
}
