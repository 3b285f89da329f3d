package io.github.micronautratelimit.simulator.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LadderTest {

    private static final long START = 1_790_000_000_000_000L;
    private static final int REQUESTS = 400;

    /** The product's own states, one for each limit of a series. */
    private static final class Products {

        private final LimitSeries series;
        private final Limit[] limits;
        private final LimitState[] states;
        private final long[] denied;

        Products(LimitSeries series) {
            this.series = series;
            limits = new Limit[series.size()];
            states = new LimitState[series.size()];
            denied = new long[series.size()];
            for (int i = 0; i < series.size(); i++) {
                limits[i] = Limit.tokenBucket(series.limit(i), Duration.ofNanos(series.periodMicros() * 1_000));
                states[i] = limits[i].stateAt(null, START);
            }
        }

        void add(long micros, long permits) {
            for (int i = 0; i < series.size(); i++) {
                LimitState state = limits[i].stateAt(states[i], micros);
                if (state.admits(permits)) {
                    states[i] = state.charge(permits);
                } else {
                    denied[i]++;
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void eachLimitDeniesWhatTheProductDenies(LimitSeries series) {
        for (int seed = 0; seed < 60; seed++) {
            Random random = new Random(seed);
            Ladder ladder = new Ladder(series, START);
            Products products = new Products(series);
            long micros = START;
            long gap = 1 + (long) (series.periodMicros() * Math.pow(10, -random.nextInt(6)));
            for (int i = 0; i < REQUESTS; i++) {
                micros += random.nextInt(4) == 0 ? random.nextLong(4 * gap) : random.nextLong(gap / 4 + 1);
                long permits = random.nextInt(10) == 0 ? 1 + random.nextInt(20) : 1;
                ladder.add(micros, permits);
                products.add(micros, permits);
            }
            for (int step = 0; step < series.size(); step++) {
                assertEquals(
                        products.denied[step],
                        ladder.denied(step),
                        "seed " + seed + ", limit " + series.text(step, series.limit(step)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void neededBurstDeniesNothingAndOneLessDeniesSomething(LimitSeries series) {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            long[] times = new long[REQUESTS];
            long micros = START;
            Ladder ladder = new Ladder(series, START);
            for (int i = 0; i < REQUESTS; i++) {
                micros += random.nextLong(1 + series.periodMicros() / (1 + random.nextInt(100)));
                times[i] = micros;
                ladder.add(micros, 1);
            }
            for (int step = 0; step < series.size(); step += 3) {
                long burst = ladder.burstNeeded(step);
                assertEquals(0, denied(series, step, burst, times), "seed " + seed + ", step " + step);
                if (burst > 1) {
                    assertEquals(true, denied(series, step, burst - 1, times) > 0, "seed " + seed + ", step " + step);
                }
            }
        }
    }

    private static long denied(LimitSeries series, int step, long burst, long[] times) {
        Limit limit = Limit.tokenBucket(series.limit(step), Duration.ofNanos(series.periodMicros() * 1_000), burst);
        LimitState state = limit.stateAt(null, START);
        long denied = 0;
        for (long micros : times) {
            state = limit.stateAt(state, micros);
            if (state.admits(1)) {
                state = state.charge(1);
            } else {
                denied++;
            }
        }
        return denied;
    }

    @Test
    void longGapsAndManyRequestsDoNotOverflow() {
        Ladder ladder = new Ladder(LimitSeries.DAY, START);
        long micros = START;
        for (int i = 0; i < 300; i++) {
            ladder.add(micros, 1_000_000_000_000L);
            micros += i % 2 == 0 ? 1 : 400L * 366 * 86_400_000_000L;
        }
        for (int step = 0; step < LimitSeries.DAY.size() - 1; step++) {
            assertEquals(300, ladder.denied(step));
        }
        assertEquals(2_000_000, ladder.burstNeeded(0));
    }

    @Test
    void seriesConsistsOfRoundNumbersInAscendingOrder() {
        for (LimitSeries series : LimitSeries.values()) {
            for (int step = 1; step < series.size(); step++) {
                assertEquals(true, series.limit(step) > series.limit(step - 1), series + " at " + step);
            }
        }
        assertEquals("15/min burst 4", LimitSeries.MINUTE.text(6, 4));
        assertEquals("1/s", LimitSeries.SECOND.text(0, 1));
        assertEquals(1_000, LimitSeries.SECOND.limit(LimitSeries.SECOND.size() - 1));
        assertEquals(1_000_000, LimitSeries.DAY.limit(LimitSeries.DAY.size() - 1));
    }
}
