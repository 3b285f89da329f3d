package io.github.micronautratelimit.simulator.run;

import java.util.Collection;
import java.util.Locale;

/**
 * Marks likely attackers. A key is one if its busiest minute has 60 requests or more and 20 times as many as the median
 * key's, or if it made 20 requests or more of which at least half failed with a client error (4xx).
 */
final class AttackMark {

    private static final int BUSY_MINUTE = 60;
    private static final int TIMES_MEDIAN = 20;
    private static final int PROBES = 20;
    private static final double PROBE_SHARE = 0.5;

    private final int median;

    AttackMark(Collection<KeyTraffic> keys) {
        int[] peaks = keys.stream().mapToInt(KeyTraffic::peakMinute).sorted().toArray();
        this.median = peaks.length == 0 ? 1 : peaks[peaks.length / 2];
    }

    /** Returns the reason for which a key is marked; empty if it is not. */
    String of(KeyTraffic key) {
        if (key.peakMinute() >= BUSY_MINUTE && key.peakMinute() >= TIMES_MEDIAN * median) {
            return key.peakMinute() + " requests in one minute; the median key had " + median;
        }
        if (key.requests() >= PROBES && key.errorShare() >= PROBE_SHARE) {
            return String.format(
                    Locale.ROOT, "%.0f %% of %d requests failed (4xx)", 100 * key.errorShare(), key.requests());
        }
        return "";
    }

    boolean marks(KeyTraffic key) {
        return !of(key).isEmpty();
    }
}
