package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.ReplayRule;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * One candidate with counters of its own. Decides as an application does: limits that need no user first, then the
 * others; if the latter deny, the permits of the former are given back.
 */
final class CandidateReplay implements AutoCloseable {

    private static final int FIRST_CLIENT_ERROR = 400;
    private static final int FIRST_SERVER_ERROR = 500;

    private final Candidate candidate;
    private final List<BoundRule> rules;
    private final VirtualClock clock;
    private final MemoryBackend backend;
    private final RateLimiter limiter;
    private final RequestKeys keys = new RequestKeys();
    private final ClientNames clients;
    private final TimeCounts deniedCourse;
    private final boolean hasOutcomes;
    private long requests;
    private long denied;

    /** A rule with the traffic that it counts. */
    private record BoundRule(
            ReplayRule rule,
            TrafficLog traffic,
            int use,
            boolean afterAuthentication,
            @Nullable PolicyOverrides<Void> overrides) {

        Policy policyOf(String key) {
            return overrides == null ? rule.policy() : overrides.of(rule.policy(), key, null);
        }
    }

    CandidateReplay(Candidate candidate, VirtualClock clock, TrafficLogs traffic, int maxKeys, TimeGrid grid) {
        this.candidate = candidate;
        this.clock = clock;
        this.clients = new ClientNames(candidate.ipv6Bits());
        this.backend = new MemoryBackend(clock, maxKeys);
        this.limiter = RateLimiter.builder(backend).clock(clock).build();
        this.deniedCourse = new TimeCounts(grid);
        this.hasOutcomes =
                candidate.rules().stream().anyMatch(rule -> rule.policy().outcomes() != null);
        this.rules = candidate.rules().stream()
                .map(rule -> {
                    TrafficLog log = traffic.of(candidate, rule);
                    return new BoundRule(
                            rule,
                            log,
                            log.addUse(candidate.name(), rule),
                            rule.isAfterAuthentication(),
                            rule.overrides().isEmpty() ? null : new PolicyOverrides<>(overrides(rule), null));
                })
                .toList();
    }

    private static BiFunction<Policy, String, Policy> overrides(ReplayRule rule) {
        return (policy, value) -> {
            LimitSet limits = rule.overrides().get(value);
            return limits == null ? policy : policy.withLimits(limits);
        };
    }

    /** Returns the numbers of the rules that apply to a path and a method. */
    int[] matching(String method, RequestPath path) {
        PathRule exemption = null;
        for (PathRule exempt : candidate.exempt()) {
            if (exempt.exempts(path)) {
                return new int[0];
            }
        }
        for (PathRule defaultExclusion : candidate.defaults()) {
            if (exemption == null && defaultExclusion.exempts(path)) {
                exemption = defaultExclusion;
            }
        }
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            PathRule rule = rules.get(i).rule.path();
            if ((exemption == null || exemption.covers(rule)) && rule.matches(method, path)) {
                found.add(i);
            }
        }
        return found.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Returns the numbers of the rules whose policy has a name. */
    int[] named(String policy) {
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            if (candidate.decidesRecorded(rules.get(i).rule, policy)) {
                found.add(i);
            }
        }
        return found.stream().mapToInt(Integer::intValue).toArray();
    }

    /**
     * Decides on a request at the time of the clock.
     *
     * @param number  the number of the request
     * @param matched the rules that apply, one or more
     * @param record  the request
     * @param course  the present interval of the course over time
     * @return whether the request is allowed
     */
    boolean decide(long number, int[] matched, AccessRecord record, int course) {
        requests++;
        WebRequest request = new LoggedRequest(record, clients.of(record.client()));
        Decisions before = decideStage(false, number, matched, record, request);
        if (before != null && !before.allowed()) {
            return denied(matched, before, false, course);
        }
        Decisions after = decideStage(true, number, matched, record, request);
        if (after != null && !after.allowed()) {
            if (before != null) {
                limiter.async().refund(before);
            }
            return denied(matched, after, true, course);
        }
        Decisions all = before == null ? after : after == null ? before : before.and(after);
        if (hasOutcomes && all != null && record.status() != 0) {
            limiter.async().applyOutcome(all, record.status(), null);
        }
        return true;
    }

    private @Nullable Decisions decideStage(
            boolean afterAuthentication, long number, int[] matched, AccessRecord record, WebRequest request) {
        PermitRequest first = null;
        List<PermitRequest> several = null;
        for (int index : matched) {
            BoundRule rule = rules.get(index);
            if (rule.afterAuthentication == afterAuthentication) {
                PermitRequest next = permitRequest(rule, number, record, request);
                if (first == null) {
                    first = next;
                } else {
                    several = several == null ? new ArrayList<>(List.of(first)) : several;
                    several.add(next);
                }
            }
        }
        if (several != null) {
            return limiter.tryAcquireAll(several);
        }
        return first == null
                ? null
                : new Decisions(
                        List.of(first), List.of(limiter.tryAcquire(first.policy(), first.key(), first.permits())));
    }

    private PermitRequest permitRequest(BoundRule rule, long number, AccessRecord record, WebRequest request) {
        AccessRecord.RecordedDecision recorded = record.decision();
        String key = recorded == null
                ? keys.keyOf(rule.rule.key(), request)
                : candidate.keyOfRecorded(recorded.policy(), recorded.key());
        long permits = recorded == null ? rule.rule.cost().permits(keys, request) : recorded.permits();
        boolean isClientError = record.status() >= FIRST_CLIENT_ERROR && record.status() < FIRST_SERVER_ERROR;
        rule.traffic.add(number, key, clock.micros(), permits, isClientError);
        return new PermitRequest(rule.policyOf(key), key, permits);
    }

    /** Notes the denial for the rules of the stage that denied. */
    private boolean denied(int[] matched, Decisions decisions, boolean afterAuthentication, int course) {
        denied++;
        deniedCourse.add(course, 1);
        int decided = 0;
        for (int index : matched) {
            BoundRule rule = rules.get(index);
            if (rule.afterAuthentication == afterAuthentication) {
                if (decisions.list().get(decided++) instanceof Decision.Denied) {
                    rule.traffic.addDenied(rule.use, clock.micros());
                }
            }
        }
        return false;
    }

    Candidate candidate() {
        return candidate;
    }

    long requests() {
        return requests;
    }

    long denied() {
        return denied;
    }

    TimeCounts deniedCourse() {
        return deniedCourse;
    }

    /** Returns the number of decisions on keys that shared a counter, because there were too many live keys. */
    long sharedDecisions() {
        return backend.sharedDecisions();
    }

    @Override
    public void close() {
        limiter.close();
    }
}
