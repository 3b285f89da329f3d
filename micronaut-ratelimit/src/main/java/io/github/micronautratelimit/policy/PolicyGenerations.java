package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Gives policies the generations that operators have set. Keeps the resulting policies, because every request needs
 * one. Safe for use by any number of threads.
 */
final class PolicyGenerations {

    /** No policy has been reset. */
    static final PolicyGenerations NONE = new PolicyGenerations(Map.of());

    /** A resolver may make any number of policies. */
    private static final int MAX_KEPT = 10_000;

    private final Map<String, Long> byPolicy;
    private final Map<Policy, Policy> kept = new ConcurrentHashMap<>();

    private PolicyGenerations(Map<String, Long> byPolicy) {
        this.byPolicy = byPolicy;
    }

    /** Returns these generations if they are the given ones, so that their policies are kept. */
    PolicyGenerations replacedBy(Map<String, Long> others) {
        return byPolicy.equals(others) ? this : others.isEmpty() ? NONE : new PolicyGenerations(others);
    }

    /** Returns a policy with the present generation; the policy itself if it has it. */
    Policy of(Policy policy) {
        if (byPolicy.isEmpty()) {
            return policy;
        }
        Long generation = byPolicy.get(policy.writtenName());
        if (generation == null || generation == policy.generation()) {
            return policy;
        }
        Policy known = kept.get(policy);
        if (known != null) {
            return known;
        }
        Policy present = policy.withGeneration(generation);
        if (kept.size() < MAX_KEPT) {
            kept.put(policy, present);
        }
        return present;
    }
}
