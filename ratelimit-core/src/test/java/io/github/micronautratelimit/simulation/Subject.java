package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import java.util.List;
import java.util.Random;

/** A policy with one key, its requests, and what holds for them. */
record Subject(Policy policy, String key, Role role, int requestsPerSecond) {

    /** The reason why a policy is simulated. */
    enum Role {
        /** Hardly refills, so each permit can be followed. Some are refunded. */
        SLOW,
        /** Requests beyond the limit, with local counters. */
        FAST,
        /** Requests well within the share of each instance, evenly spread. */
        STEADY,
        /** Requests beyond the limit, without a fallback that counts. */
        UNCOUNTED,
        PREFETCHED
    }

    static final int MOST_PREFETCHED = 10;

    static List<Subject> of(long seed) {
        Random random = Scenario.random(seed, 1);
        return List.of(
                subject(
                        Role.SLOW,
                        pick(random, "100/day", "100/day sliding", "100/day fixed", "40/day", "30/day; 100/day fixed"),
                        OnError.LOCAL,
                        6 + random.nextInt(10),
                        seed),
                subject(
                        Role.FAST,
                        pick(random, "12/s", "8/s burst 20", "20/2s sliding", "20/2s fixed", "3/s"),
                        OnError.LOCAL,
                        10 + random.nextInt(20),
                        seed),
                subject(Role.STEADY, pick(random, "40/s", "400/10s", "40/s burst 60"), OnError.LOCAL, 12, seed),
                subject(
                        Role.UNCOUNTED,
                        pick(random, "5/s", "5/s burst 12", "12/2s sliding", "12/2s fixed"),
                        random.nextInt(4) == 0 ? OnError.OPEN : OnError.CLOSED,
                        10,
                        seed),
                subject(Role.PREFETCHED, pick(random, "12/s", "20/2s sliding"), OnError.CLOSED, 15, seed));
    }

    private static Subject subject(Role role, String limits, OnError onError, int requestsPerSecond, long seed) {
        Policy policy = Policy.of(role.name(), limits).withOnError(onError);
        return new Subject(
                role == Role.PREFETCHED ? policy.withMaxPrefetch(MOST_PREFETCHED) : policy,
                role + "-" + seed,
                role,
                requestsPerSecond);
    }

    private static String pick(Random random, String... choices) {
        return choices[random.nextInt(choices.length)];
    }

    /** Returns the first limit of the policy. */
    Limit limit() {
        return policy.rateLimits().get(0);
    }

    /** Returns the permits that each of several instances may grant at once without the store. */
    long share(int instances) {
        return Math.max(1, limit().capacity() / instances);
    }
}
