package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.simulator.log.AccessRecord;
import io.github.micronautratelimit.simulator.policy.Candidate;
import io.github.micronautratelimit.simulator.policy.ReplayRule;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.CaseChoice;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One candidate with counters of its own. Decides as an application does: limits that need no user first, then the
 * others; if the latter deny, the permits of the former are given back.
 */
final class CandidateReplay implements AutoCloseable {

    private static final int FIRST_CLIENT_ERROR = 400;
    private static final int FIRST_SERVER_ERROR = 500;

    private final Candidate candidate;
    private final List<Choice> rules;
    private final VirtualClock clock;
    private final MemoryBackend backend;
    private final RateLimiter limiter;
    private final RequestKeys keys = new RequestKeys();
    private final ClientNames clients;
    private final TimeCounts deniedCourse;
    private final boolean hasOutcomes;
    private final Stage before = new Stage();
    private final Stage after = new Stage();
    private long requests;
    private long denied;

    /**
     * A rule with the limits that it chooses among.
     *
     * @param variants the rule itself, or its cases
     * @param cases    chooses one of the cases; {@code null} if there are none
     */
    private record Choice(
            ReplayRule rule,
            boolean afterAuthentication,
            List<BoundRule> variants,
            @Nullable CaseChoice<BoundRule> cases) {

        static Choice of(ReplayRule rule, Function<ReplayRule, BoundRule> binding) {
            boolean afterAuthentication = rule.isAfterAuthentication();
            if (rule.cases() == null) {
                return new Choice(rule, afterAuthentication, List.of(binding.apply(rule)), null);
            }
            CaseChoice<BoundRule> cases = rule.cases().choice().map(binding);
            return new Choice(rule, afterAuthentication, cases.values(), cases);
        }

        List<BoundRule> of(WebRequest request, MicroClock clock) {
            return cases == null ? variants : cases.of(request, clock);
        }
    }

    CandidateReplay(Candidate candidate, VirtualClock clock, TrafficLogs traffic, int maxKeys, TimeGrid grid) {
        this.candidate = candidate;
        this.clock = clock;
        this.clients = new ClientNames(candidate.ipv6Bits());
        this.backend = new MemoryBackend(clock, maxKeys);
        this.limiter = RateLimiter.builder(backend).clock(clock).build();
        this.deniedCourse = new TimeCounts(grid);
        this.hasOutcomes = candidate.rules().stream()
                .flatMap(rule -> rule.variants().stream())
                .anyMatch(rule -> rule.policy().outcomes() != null);
        this.rules = candidate.rules().stream()
                .map(rule -> {
                    String conditions = rule.cases() == null ? "" : rule.cases().conditions();
                    return Choice.of(rule, variant -> {
                        TrafficLog log = traffic.of(candidate, variant, conditions);
                        return new BoundRule(variant, log, log.addUse(candidate.name(), variant));
                    });
                })
                .toList();
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

    /** Returns the numbers of the rules of which the policy, or that of a case, has a name. */
    int[] named(String policy) {
        List<Integer> found = new ArrayList<>();
        for (int i = 0; i < rules.size(); i++) {
            if (rules.get(i).variants.stream().anyMatch(one -> candidate.decidesRecorded(one.rule(), policy))) {
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
        if (!decideStage(before, number, matched, record, request)) {
            return denied(course);
        }
        Decisions charged = before.decisions();
        if (!decideStage(after, number, matched, record, request)) {
            if (charged != null) {
                limiter.async().refund(charged);
            }
            return denied(course);
        }
        Decisions further = after.decisions();
        Decisions all = charged == null ? further : further == null ? charged : charged.and(further);
        if (hasOutcomes && all != null && record.status() != 0) {
            limiter.async().applyOutcome(all, record.status(), null);
        }
        return true;
    }

    private boolean decideStage(Stage stage, long number, int[] matched, AccessRecord record, WebRequest request) {
        stage.clear();
        for (int index : matched) {
            Choice choice = rules.get(index);
            if (choice.afterAuthentication == (stage == after)) {
                for (BoundRule rule : chosen(choice, record, request)) {
                    add(stage, rule, number, record, request);
                }
            }
        }
        return stage.decide(limiter, clock.micros());
    }

    /** A recorded decision names its case. */
    private List<BoundRule> chosen(Choice choice, AccessRecord record, WebRequest request) {
        AccessRecord.RecordedDecision recorded = record.decision();
        return recorded == null
                ? choice.of(request, clock)
                : choice.variants.stream()
                        .filter(one -> candidate.decidesRecorded(one.rule(), recorded.policy()))
                        .toList();
    }

    private void add(Stage stage, BoundRule rule, long number, AccessRecord record, WebRequest request) {
        AccessRecord.RecordedDecision recorded = record.decision();
        String key = recorded == null
                ? keys.keyOf(rule.rule().key(), request)
                : candidate.keyOfRecorded(recorded.policy(), recorded.key());
        long permits = recorded == null ? rule.rule().cost().permits(keys, request) : recorded.permits();
        boolean isClientError = record.status() >= FIRST_CLIENT_ERROR && record.status() < FIRST_SERVER_ERROR;
        rule.traffic().add(number, key, clock.micros(), permits, isClientError);
        Allowance override = rule.overrideOf(key);
        switch (override == null ? rule.rule().kind() : override.kind()) {
            case LIMITED -> stage.add(rule, new PermitRequest(rule.policyOf(override), key, permits));
            case DENIED -> stage.deny(rule);
            case UNLIMITED -> {}
        }
    }

    private boolean denied(int course) {
        denied++;
        deniedCourse.add(course, 1);
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
