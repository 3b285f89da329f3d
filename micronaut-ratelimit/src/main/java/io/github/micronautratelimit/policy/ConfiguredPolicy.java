package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A policy of {@code ratelimit.policies}.
 *
 * @param policy      the policy; its limits mean nothing unless {@code hasLimits}
 * @param hasLimits   whether the policy has limits that do not belong to a case
 * @param key         its key, or {@code null}
 * @param onError     its own fallback; {@code null} if the default applies
 * @param overrides   the limits of single keys
 * @param cases       its cases; {@code null} if it has none
 * @param casePolicies the policies of the cases
 */
record ConfiguredPolicy(
        Policy policy,
        boolean hasLimits,
        @Nullable KeyTemplate key,
        @Nullable OnError onError,
        Map<String, Allowance> overrides,
        @Nullable PolicyCases cases,
        Map<PolicyCase, Policy> casePolicies) {

    /** The limits of a policy that never decides with limits of its own. */
    private static final LimitSet NEVER_USED = LimitSet.parse("1/s");

    /**
     * Reads a policy; throws a {@link ConfigurationException} with the name of the invalid property.
     *
     * @param shadow whether all policies are in shadow mode
     */
    static ConfiguredPolicy read(
            PolicyConfiguration configuration, OnError defaultOnError, boolean shadow, String contextPath) {
        String prefix = "ratelimit.policies." + configuration.getName();
        boolean hasLimits =
                configuration.getCases().isEmpty() || !configuration.getLimits().isEmpty();
        LimitSet limits = hasLimits ? limits(configuration.getLimits(), prefix) : NEVER_USED;
        PolicyCases cases =
                new CaseReader(prefix, contextPath).read(configuration, hasLimits ? Allowance.of(limits) : null);
        try {
            Options options = new Options(
                    configuration,
                    defaultOnError,
                    shadow || configuration.getMode() == PolicyConfiguration.Mode.SHADOW,
                    prefix,
                    limitSets(limits, hasLimits, cases));
            requireLimitsOfCandidate(configuration, hasLimits, prefix);
            Map<PolicyCase, Policy> casePolicies = new HashMap<>();
            if (cases != null) {
                for (PolicyCase one : cases.all()) {
                    String name = one.policyName(configuration.getName());
                    casePolicies.put(
                            one,
                            one.allowance().isLimited()
                                    ? options.policy(name, one.allowance().limits())
                                    : Policy.of(name, NEVER_USED).withShadow(options.shadow()));
                }
            }
            return new ConfiguredPolicy(
                    hasLimits
                            ? options.policy(configuration.getName(), limits)
                            : Policy.of(configuration.getName(), NEVER_USED),
                    hasLimits,
                    configuration.getKey() == null ? null : key(configuration.getKey(), prefix + ".key"),
                    configuration.findOnError().orElse(null),
                    overrides(configuration, prefix),
                    cases,
                    Map.copyOf(casePolicies));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ": " + e.getMessage(), e);
        }
    }

    private static void requireLimitsOfCandidate(PolicyConfiguration configuration, boolean hasLimits, String prefix) {
        if (!hasLimits && !configuration.getCandidate().isEmpty()) {
            throw new ConfigurationException(
                    prefix + ".candidate would be tried beside no limits, because the policy has" + " only cases; add "
                            + prefix + ".limits, or remove the candidate.");
        }
    }

    private static List<LimitSet> limitSets(LimitSet limits, boolean hasLimits, @Nullable PolicyCases cases) {
        if (cases == null) {
            return List.of(limits);
        }
        List<LimitSet> ofCases = cases.all().stream()
                .filter(one -> one.allowance().isLimited())
                .map(one -> one.allowance().limits())
                .toList();
        return ofCases.isEmpty() && hasLimits ? List.of(limits) : ofCases;
    }

    /** Returns the policy of a case. */
    Policy policyOf(PolicyCase one) {
        return Objects.requireNonNull(casePolicies.get(one));
    }

    /** Returns the key of this policy, or of the case whose policy has a name; {@code null} if there is none. */
    @Nullable
    KeyTemplate keyOf(String name) {
        for (Map.Entry<PolicyCase, Policy> one : casePolicies.entrySet()) {
            if (one.getValue().name().equals(name) && one.getKey().key() != null) {
                return one.getKey().key();
            }
        }
        return key;
    }

    /** Returns the policies that decide: that of the policy's own limits, and those of cases with limits. */
    List<Policy> deciding() {
        if (cases == null) {
            return List.of(policy);
        }
        return cases.all().stream()
                .filter(one -> one.allowance().isLimited())
                .map(this::policyOf)
                .toList();
    }

    /** Returns whether some cases have slots, but a policy of one of the others has none. */
    boolean lacksSlots(Policy one) {
        return cases != null
                && one.concurrency() == null
                && deciding().stream().anyMatch(other -> other.concurrency() != null);
    }

    /** Returns whether some cases have rate limits, but a policy of one of the others has none. */
    boolean lacksRateLimits(Policy one) {
        return cases != null
                && one.rateLimits().isEmpty()
                && deciding().stream().anyMatch(other -> !other.rateLimits().isEmpty());
    }

    /**
     * The properties of a policy besides its limits. A property of slots or of permits applies to the cases that have
     * them; if none has, the policy is invalid.
     */
    private record Options(
            PolicyConfiguration configuration,
            OnError defaultOnError,
            boolean shadow,
            String prefix,
            List<LimitSet> all) {

        Policy policy(String name, LimitSet limits) {
            Policy policy = Policy.of(name, limits)
                    .withOnError(configuration.findOnError().orElse(defaultOnError))
                    .withDeadline(configuration.findDeadline().orElse(null))
                    .withMaxWait(configuration.findMaxWait().orElse(null))
                    .withShadow(shadow);
            if (limits.concurrency() != null || all.stream().allMatch(set -> set.concurrency() == null)) {
                policy = policy.withHoldAtMost(configuration.findHoldAtMost().orElse(null))
                        .withHoldUntil(configuration.getHoldUntil());
            }
            if (limits.rateLimits().isEmpty()
                    && all.stream().anyMatch(set -> !set.rateLimits().isEmpty())) {
                return policy;
            }
            policy = policy.withLocalLimits(rateLimits(configuration.getLocalLimit(), prefix + ".local-limit"))
                    .withMaxPrefetch(maxPrefetch(configuration, prefix))
                    .withReservations(reservations(configuration, prefix));
            policy = withBlock(withOutcomes(policy, configuration, prefix), configuration);
            return name.equals(configuration.getName())
                    ? policy.withCandidate(rateLimits(configuration.getCandidate(), prefix + ".candidate"))
                    : policy;
        }
    }

    private static Policy withOutcomes(Policy policy, PolicyConfiguration configuration, String prefix) {
        List<String> chargeOn = configuration.getChargeOn();
        List<String> refundOn = configuration.getRefundOn();
        if (!chargeOn.isEmpty() && !refundOn.isEmpty()) {
            throw new ConfigurationException(prefix + " has both charge-on and refund-on; write the outcomes that are"
                    + " charged, or those that are not.");
        }
        if (!chargeOn.isEmpty()) {
            return policy.withChargeOn(chargeOn);
        }
        return refundOn.isEmpty() ? policy : policy.withRefundOn(refundOn);
    }

    private static Policy withBlock(Policy policy, PolicyConfiguration configuration) {
        String block = configuration.getBlock();
        return block == null ? policy : policy.withBlock(block);
    }

    private static ReservationRules reservations(PolicyConfiguration configuration, String prefix) {
        ReservationRules defaults = ReservationRules.DEFAULTS;
        long maxDebt = configuration.findMaxDebt().orElse(defaults.maxDebt());
        if (configuration.findMaxDebt().isPresent() && (maxDebt < 0 || maxDebt > Limit.MAX_PERMITS)) {
            throw new ConfigurationException(prefix + ".max-debt = \"" + maxDebt
                    + "\": write the permits that a settlement may charge beyond the capacity, 0 to "
                    + Limit.MAX_PERMITS + ".");
        }
        int maxOpen = configuration.findMaxReservations().orElse(defaults.maxOpen());
        if (maxOpen < 1 || maxOpen > ReservationRules.MOST_OPEN) {
            throw new ConfigurationException(prefix + ".max-reservations = \"" + maxOpen
                    + "\": write the most open reservations of a key, 1 to " + ReservationRules.MOST_OPEN + ".");
        }
        return new ReservationRules(
                maxOpen, maxDebt, configuration.getUnsettled() == PolicyConfiguration.Unsettled.REFUND);
    }

    private static LimitSet limits(List<String> texts, String prefix) {
        if (texts.isEmpty()) {
            throw new ConfigurationException(
                    prefix + ".limits is missing; write at least one limit, such as \"100/min\".");
        }
        try {
            return LimitSet.parseAll(texts);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ".limits = " + e.getMessage(), e);
        }
    }

    private static Allowance allowance(List<String> texts, String prefix) {
        if (texts.isEmpty()) {
            throw new ConfigurationException(
                    prefix
                            + ".limits is missing; write at least one limit, such as \"100/min\", or \"unlimited\" or \"deny\".");
        }
        try {
            return Allowance.parse(texts);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ".limits = " + e.getMessage(), e);
        }
    }

    private static List<Limit> rateLimits(List<String> texts, String property) {
        List<Limit> limits = new ArrayList<>();
        for (String text : texts) {
            try {
                limits.addAll(Limit.parseAll(text));
            } catch (IllegalArgumentException e) {
                throw new ConfigurationException(property + " = " + e.getMessage(), e);
            }
        }
        return limits;
    }

    private static long maxPrefetch(PolicyConfiguration configuration, String prefix) {
        boolean prefetch = configuration.getMode() == PolicyConfiguration.Mode.PREFETCH;
        long permits = configuration.findMaxPrefetch().orElse(prefetch ? PolicyConfiguration.DEFAULT_PREFETCH : 0L);
        if (!prefetch && configuration.findMaxPrefetch().isPresent()) {
            throw new ConfigurationException(prefix + ".max-prefetch = \"" + permits
                    + "\": the mode exact does not prefetch permits; add " + prefix
                    + ".mode: prefetch, or remove this property.");
        }
        if (prefetch && (permits < 1 || permits > Policy.MAX_PREFETCH)) {
            throw new ConfigurationException(prefix + ".max-prefetch = \"" + permits
                    + "\": write the most permits that an instance prefetches for one key, 1 to " + Policy.MAX_PREFETCH
                    + ".");
        }
        return permits;
    }

    private static Map<String, Allowance> overrides(PolicyConfiguration configuration, String prefix) {
        Map<String, Allowance> overrides = new HashMap<>();
        for (int i = 0; i < configuration.getOverrides().size(); i++) {
            Map<String, Object> override = configuration.getOverrides().get(i);
            String property = prefix + ".overrides[" + i + "]";
            Object key = override.get("key");
            if (key == null || key.toString().isEmpty()) {
                throw new ConfigurationException(
                        property + ".key is missing; write a key, such as a user name or an address.");
            }
            Object limits = override.get("limits");
            List<String> texts = limits instanceof Collection<?> several
                    ? several.stream().map(String::valueOf).toList()
                    : limits == null ? List.of() : List.of(limits.toString());
            if (overrides.put(key.toString(), allowance(texts, property)) != null) {
                throw new ConfigurationException(
                        property + ".key = \"" + key + "\" has an override already; write the limits of a key once.");
            }
        }
        return Map.copyOf(overrides);
    }

    /** Reads a key template; throws a {@link ConfigurationException} with the name of the property. */
    static KeyTemplate key(String text, String property) {
        KeyTemplate key;
        try {
            key = KeyTemplate.parse(text);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(property + " = " + e.getMessage(), e);
        }
        try {
            LimitCheck.requireBraces(key);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(property + ": " + e.getMessage(), e);
        }
        return key;
    }
}
