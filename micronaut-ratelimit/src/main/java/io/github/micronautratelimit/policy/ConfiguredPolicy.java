package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.configuration.PolicyConfiguration;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A policy of {@code ratelimit.policies}.
 *
 * @param policy    the policy
 * @param key       its key, or {@code null}
 * @param onError   its own fallback; {@code null} if the default applies
 * @param overrides the limits of single keys
 */
record ConfiguredPolicy(
        Policy policy, @Nullable KeyTemplate key, @Nullable OnError onError, Map<String, LimitSet> overrides) {

    /**
     * Reads a policy; throws a {@link ConfigurationException} with the name of the invalid property.
     *
     * @param shadow whether all policies are in shadow mode
     */
    static ConfiguredPolicy read(PolicyConfiguration configuration, OnError defaultOnError, boolean shadow) {
        String prefix = "ratelimit.policies." + configuration.getName();
        LimitSet limits = limits(configuration.getLimits(), prefix);
        List<Limit> localLimits = rateLimits(configuration.getLocalLimit(), prefix + ".local-limit");
        List<Limit> candidate = rateLimits(configuration.getCandidate(), prefix + ".candidate");
        OnError onError = configuration.findOnError().orElse(null);
        try {
            Policy policy = Policy.of(configuration.getName(), limits)
                    .withOnError(onError == null ? defaultOnError : onError)
                    .withDeadline(configuration.findDeadline().orElse(null))
                    .withLocalLimits(localLimits)
                    .withMaxPrefetch(maxPrefetch(configuration, prefix))
                    .withHoldAtMost(configuration.findHoldAtMost().orElse(null))
                    .withHoldUntil(configuration.getHoldUntil())
                    .withMaxWait(configuration.findMaxWait().orElse(null))
                    .withReservations(reservations(configuration, prefix));
            return new ConfiguredPolicy(
                    withBlock(withOutcomes(policy, configuration, prefix), configuration)
                            .withShadow(shadow || configuration.getMode() == PolicyConfiguration.Mode.SHADOW)
                            .withCandidate(candidate),
                    configuration.getKey() == null ? null : key(configuration.getKey(), prefix + ".key"),
                    onError,
                    overrides(configuration, prefix));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ": " + e.getMessage(), e);
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

    private static Map<String, LimitSet> overrides(PolicyConfiguration configuration, String prefix) {
        Map<String, LimitSet> overrides = new HashMap<>();
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
            if (overrides.put(key.toString(), limits(texts, property)) != null) {
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
