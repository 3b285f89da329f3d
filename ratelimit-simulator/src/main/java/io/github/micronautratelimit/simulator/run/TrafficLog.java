package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.simulator.policy.ReplayRule;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The requests that rules of one key and path count, of all candidates with such a rule. */
final class TrafficLog {

    private final String name;
    private final List<Use> uses = new ArrayList<>();
    private final KeySample<KeyTraffic> keys;
    private final TimeGrid courses;
    private long requests;
    private long lastNumber = -1;
    private @Nullable KeyTraffic current;

    /** A rule of a candidate, with the requests that it denied. */
    static final class Use {

        private final String candidate;
        private final ReplayRule rule;
        private long denied;

        Use(String candidate, ReplayRule rule) {
            this.candidate = candidate;
            this.rule = rule;
        }

        String candidate() {
            return candidate;
        }

        ReplayRule rule() {
            return rule;
        }

        long denied() {
            return denied;
        }
    }

    TrafficLog(String name, int maxKeys, TimeGrid courses) {
        this.name = name;
        this.keys = new KeySample<>(maxKeys, key -> new KeyTraffic(key, uses.size()));
        this.courses = courses;
    }

    /** Adds a rule, before the first request; returns its number. */
    int addUse(String candidate, ReplayRule rule) {
        uses.add(new Use(candidate, rule));
        return uses.size() - 1;
    }

    /**
     * Adds a request, once for all candidates.
     *
     * @param number the number of the request, which tells a repetition
     */
    void add(long number, String key, long micros, long permits, boolean isClientError) {
        if (number == lastNumber) {
            return;
        }
        lastNumber = number;
        requests++;
        KeyTraffic traffic = keys.of(key);
        current = traffic;
        if (traffic != null) {
            traffic.add(micros, permits, isClientError, courses);
        }
    }

    /** Notes that a rule denied the request that was added last. */
    void addDenied(int use, long micros) {
        uses.get(use).denied++;
        if (current != null) {
            current.addDenied(use, micros, courses);
        }
    }

    String name() {
        return name;
    }

    List<Use> uses() {
        return uses;
    }

    long requests() {
        return requests;
    }

    Collection<KeyTraffic> sampled() {
        return keys.values();
    }

    int scale() {
        return keys.scale();
    }

    long keys() {
        return keys.keys();
    }
}
