package io.github.micronautratelimit.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When permits come back, for periods that 64 divides and others. */
class SlidingWindowTest {

    private static final long PERMITS = 3;
    private static final long EPOCH = 1_800_000_000_123_457L;

    @ParameterizedTest
    @ValueSource(
            longs = {
                1,
                2,
                3,
                7,
                63,
                64,
                65,
                100,
                127,
                128,
                1000,
                1024,
                4095,
                10_000,
                999_999,
                1_000_000,
                86_399_999_999L
            })
    void permitComesBackAtMostASegmentAfterTheSegmentsOfAPeriodAndNeverEarly(long period) {
        SlidingWindow limit = new SlidingWindow(PERMITS, period);
        long segment = (period + 63) / 64;
        long longest = (period + segment - 1) / segment * segment + segment;
        Random random = new Random(period);
        Deque<Long> granted = new ArrayDeque<>();
        LimitState state = null;
        long now = EPOCH;
        for (int i = 0; i < 2000; i++) {
            now += random.nextLong(period / 2 + 2);
            LimitState present = limit.stateAt(state, now);
            long at = now;
            long surely = granted.stream().filter(time -> at - time < period).count();
            long possibly = granted.stream().filter(time -> at - time < longest).count();
            boolean admits = present.admits(1);
            assertTrue(!admits || surely < PERMITS, () -> "granted early, " + granted + " at " + at);
            assertTrue(admits || possibly >= PERMITS, () -> "granted late, " + granted + " at " + at);
            if (!admits) {
                long retry = present.retryAfter(1, now);
                assertFalse(limit.stateAt(present, now + retry - 1).admits(1));
                now += retry;
                present = limit.stateAt(present, now);
                assertTrue(present.admits(1));
            }
            granted.addLast(now);
            state = present.charge(1);
            if (granted.size() > PERMITS) {
                granted.removeFirst();
            }
        }
        assertEquals(PERMITS, limit.stateAt(state, now + longest).remaining());
    }
}
