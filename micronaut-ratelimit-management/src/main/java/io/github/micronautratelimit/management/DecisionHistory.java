package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.DecisionCounts;
import io.github.micronautratelimit.DecisionCounts.Series;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Keeps the number of decisions in each of the last seconds, by policy and by source. Computes it from the decision
 * counters, which count at most {@value DecisionCounts#MAX_POLICIES} policies separately; so memory is bounded.
 */
final class DecisionHistory {

    /** The number of seconds that are kept. */
    static final int SECONDS = 120;

    private final DecisionCounts counts;
    private final Map<Series, Long> previous = new HashMap<>();
    private final Deque<Second> seconds = new ArrayDeque<>(SECONDS);

    /**
     * The decisions of one second.
     *
     * @param endMillis   the end of the second, in milliseconds since the epoch
     * @param policies    the allowed and the denied requests, by name of the policy; without policies that had none
     * @param sources     the decisions by source
     * @param unavailable the denials among them that were none by a limit, because the store was unavailable
     */
    record Second(
            long endMillis, Map<String, long[]> policies, Map<Decision.Source, Long> sources, AtomicLong unavailable) {

        Map<String, Object> toMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("time", endMillis);
            map.put("policies", policies);
            Map<String, Long> bySource = new LinkedHashMap<>();
            sources.forEach((source, decisions) -> bySource.put(source.name(), decisions));
            map.put("sources", bySource);
            map.put("unavailable", unavailable.get());
            return map;
        }
    }

    DecisionHistory(DecisionCounts counts) {
        this.counts = counts;
        counts.all().forEach(series -> previous.put(series, series.decisions()));
    }

    /** Ends a second and returns the decisions since the previous end. */
    synchronized Second tick(long nowMillis) {
        Second second = new Second(nowMillis, new TreeMap<>(), new EnumMap<>(Decision.Source.class), new AtomicLong());
        for (Series series : counts.all()) {
            long now = series.decisions();
            Long before = previous.put(series, now);
            long decisions = before == null ? now : now - before;
            if (decisions > 0) {
                second.policies.computeIfAbsent(series.policy(), name -> new long[2])[series.allowed() ? 0 : 1] +=
                        decisions;
                if (series.unavailable()) {
                    second.unavailable.addAndGet(decisions);
                }
                second.sources.merge(series.source(), decisions, Long::sum);
            }
        }
        if (seconds.size() == SECONDS) {
            seconds.removeFirst();
        }
        seconds.addLast(second);
        return second;
    }

    /** Returns the last seconds, the oldest first. */
    synchronized List<Second> seconds() {
        return new ArrayList<>(seconds);
    }
}
