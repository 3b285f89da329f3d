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
     * @param shadow      the same of policies in shadow mode, which denied no request
     * @param candidates  the requests that the candidates of policies were asked about, by name of the policy: allowed
     *                    by both, denied by the candidate only, denied by the policy only, denied by both; since the
     *                    start of the application
     * @param sources     the decisions by source
     * @param unavailable the denials among them that were none by a limit, because the store was unavailable
     */
    record Second(
            long endMillis,
            Map<String, long[]> policies,
            Map<String, long[]> shadow,
            Map<String, long[]> candidates,
            Map<Decision.Source, Long> sources,
            AtomicLong unavailable) {

        Second(long endMillis) {
            this(
                    endMillis,
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new TreeMap<>(),
                    new EnumMap<>(Decision.Source.class),
                    new AtomicLong());
        }

        Map<String, Object> toMap() {
            Map<String, Object> map = new LinkedHashMap<>();
            map.put("time", endMillis);
            map.put("policies", policies);
            map.put("shadow", shadow);
            map.put("candidates", candidates);
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
        Second second = new Second(nowMillis);
        for (Series series : counts.all()) {
            addCandidate(series, second.candidates);
            long now = series.decisions();
            Long before = previous.put(series, now);
            long decisions = before == null ? now : now - before;
            if (decisions > 0) {
                if (series.shadow()) {
                    second.shadow.computeIfAbsent(series.policy(), name -> new long[2])[series.allowed() ? 0 : 1] +=
                            decisions;
                    continue;
                }
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

    private static void addCandidate(Series series, Map<String, long[]> candidates) {
        long allowed = series.allowedByCandidate();
        long denied = series.deniedByCandidate();
        if (allowed + denied > 0) {
            long[] counts = candidates.computeIfAbsent(series.policy(), name -> new long[4]);
            int offset = series.allowed() ? 0 : 2;
            counts[offset] += allowed;
            counts[offset + 1] += denied;
        }
    }

    /** Returns the last seconds, the oldest first. */
    synchronized List<Second> seconds() {
        return new ArrayList<>(seconds);
    }
}
