package io.github.micronautratelimit.management;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.DecisionCounts.Series;

/**
 * What was decided in each of the last seconds, by policy and by source: the differences of counters that run anyway. Memory
 * is bounded, for they count no more than {@link DecisionCounts#MAX_POLICIES} policies apart.
 */
final class Traffic {

    /** How far back it goes. */
    static final int SECONDS = 120;

    private final DecisionCounts counts;
    private final Map<Series, Long> before = new HashMap<>();
    private final Deque<Second> seconds = new ArrayDeque<>(SECONDS);

    /**
     * What was decided in a second.
     *
     * @param endMillis when it ended, since the epoch
     * @param policies  granted and denied requests of each policy that was asked for
     * @param sources   decisions by their source
     */
    record Second(long endMillis, Map<String, long[]> policies, Map<Decision.Source, Long> sources) {

        Map<String, Object> toMap() {
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("time", endMillis);
            told.put("policies", policies);
            Map<String, Long> bySource = new LinkedHashMap<>();
            sources.forEach((source, decisions) -> bySource.put(source.name(), decisions));
            told.put("sources", bySource);
            return told;
        }
    }

    Traffic(DecisionCounts counts) {
        this.counts = counts;
        counts.all().forEach(series -> before.put(series, series.decisions()));
    }

    /** Ends a second: what was decided since the last one ended. */
    synchronized Second tick(long nowMillis) {
        Second second = new Second(nowMillis, new TreeMap<>(), new EnumMap<>(Decision.Source.class));
        for (Series series : counts.all()) {
            long now = series.decisions();
            Long last = before.put(series, now);
            long decided = last == null ? now : now - last;
            if (decided > 0) {
                second.policies.computeIfAbsent(series.policy(), name -> new long[2])[series.allowed() ? 0 : 1] += decided;
                second.sources.merge(series.source(), decided, Long::sum);
            }
        }
        if (seconds.size() == SECONDS) {
            seconds.removeFirst();
        }
        seconds.addLast(second);
        return second;
    }

    /** The last seconds, the oldest first. */
    synchronized List<Second> seconds() {
        return new ArrayList<>(seconds);
    }
}
