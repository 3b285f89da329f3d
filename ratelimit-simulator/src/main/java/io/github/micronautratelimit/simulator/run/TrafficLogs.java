package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.ReplayRule;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The traffic of all candidates. Rules that count the same requests by the same keys share it. */
final class TrafficLogs {

    private final Map<String, TrafficLog> byName = new LinkedHashMap<>();
    private final int maxKeys;
    private final TimeGrid courses;

    TrafficLogs(int maxKeys, TimeGrid courses) {
        this.maxKeys = maxKeys;
        this.courses = courses;
    }

    /**
     * Returns the traffic of a rule.
     *
     * @param conditions distinguishes requests of a case with different cases before it; empty without cases
     */
    TrafficLog of(Candidate candidate, ReplayRule rule, String conditions) {
        String identity = rule.traffic() + '\n' + conditions + '\n' + candidate.excluded() + candidate.ipv6Bits();
        String name = rule.traffic() + (candidate.excluded().isEmpty() ? "" : " without excluded paths");
        return byName.computeIfAbsent(identity, any -> new TrafficLog(name, maxKeys, courses));
    }

    List<TrafficLog> all() {
        return List.copyOf(byName.values());
    }
}
