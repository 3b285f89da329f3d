package io.github.micronautratelimit.simulator.run;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The requests of one key. A key with one request takes about 300 bytes, any other usually 1000 and at most
 * {@value #BYTES}: it then remembers its course over time and its state under all limits of the series.
 */
final class KeyTraffic {

    /** The most memory of a key: 32 bytes for each of about ninety limits, two courses over time, and its text. */
    static final int BYTES = 3_500;

    private static final LimitSeries[] ALL = LimitSeries.values();

    private final String key;
    private final int[] denied;
    private long requests;
    private long clientErrors;
    private long firstMicros;
    private long firstPermits;
    private @Nullable Activity activity;

    /** The part of keys with several requests. */
    private static final class Activity {

        private final Ladder[] ladders = new Ladder[ALL.length];
        private final Peak second = new Peak(Peak.SECOND);
        private final Peak minute = new Peak(Peak.MINUTE);
        private final TimeCounts course;
        private @Nullable TimeCounts deniedCourse;

        Activity(TimeGrid grid, long firstMicros) {
            this.course = new TimeCounts(grid);
            for (LimitSeries series : ALL) {
                ladders[series.ordinal()] = new Ladder(series, firstMicros);
            }
        }

        void add(long micros, long permits, int interval) {
            for (Ladder ladder : ladders) {
                ladder.add(micros, permits);
            }
            second.add(micros);
            minute.add(micros);
            course.add(interval, 1);
        }
    }

    KeyTraffic(String key, int rules) {
        this.key = key;
        this.denied = new int[rules];
    }

    void add(long micros, long permits, boolean isClientError, TimeGrid grid) {
        int interval = grid.index(micros);
        requests++;
        clientErrors += isClientError ? 1 : 0;
        if (requests == 1) {
            firstMicros = micros;
            firstPermits = permits;
            return;
        }
        if (activity == null) {
            activity = new Activity(grid, firstMicros);
            activity.add(firstMicros, firstPermits, grid.index(firstMicros));
        }
        activity.add(micros, permits, interval);
    }

    void addDenied(int rule, long micros, TimeGrid grid) {
        denied[rule]++;
        if (rule == 0 && activity != null) {
            if (activity.deniedCourse == null) {
                activity.deniedCourse = new TimeCounts(grid);
            }
            activity.deniedCourse.add(grid.index(micros), 1);
        }
    }

    String key() {
        return key;
    }

    long requests() {
        return requests;
    }

    int denied(int rule) {
        return denied[rule];
    }

    double errorShare() {
        return (double) clientErrors / requests;
    }

    int peakSecond() {
        return activity == null ? 1 : activity.second.most();
    }

    int peakMinute() {
        return activity == null ? 1 : activity.minute.most();
    }

    /** Returns the number of requests that a limit denies; a single request passes unless it costs more. */
    long denied(LimitSeries series, int step) {
        if (activity == null) {
            return firstPermits > series.limit(step) ? 1 : 0;
        }
        return activity.ladders[series.ordinal()].denied(step);
    }

    /** Returns the burst with which a limit denies nothing. */
    long burstNeeded(LimitSeries series, int step) {
        return activity == null ? Math.max(1, firstPermits) : activity.ladders[series.ordinal()].burstNeeded(step);
    }

    List<Long> course(TimeGrid grid, int last) {
        TimeCounts counts = activity == null ? new TimeCounts(grid) : activity.course;
        if (activity == null) {
            counts.add(grid.index(firstMicros), 1);
        }
        return counts.upTo(last);
    }

    List<Long> deniedCourse(int last) {
        return activity == null || activity.deniedCourse == null ? List.of() : activity.deniedCourse.upTo(last);
    }
}
