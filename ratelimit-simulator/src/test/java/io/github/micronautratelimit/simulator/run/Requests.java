package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.log.AccessRecord;
import java.time.Instant;
import java.util.Map;

/** Creates requests of logs for tests. */
final class Requests {

    /** A Sunday, on the full day, in microseconds. */
    static final long START = Instant.parse("2026-03-01T00:00:00Z").getEpochSecond() * 1_000_000;

    private Requests() {}

    static AccessRecord request(double second, String client, String target) {
        return request(second, client, target, 200, null);
    }

    static AccessRecord request(
            double second, String client, String target, int status, @org.jspecify.annotations.Nullable String user) {
        return new AccessRecord(
                START + Math.round(second * 1_000_000), client, user, "GET", target, status, Map.of(), null);
    }
}
