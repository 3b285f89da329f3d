package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.ClientAddressResolver;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.web.CaseChoice;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.PolicyCase;
import io.github.micronautratelimit.web.PolicyCases;
import io.micronaut.context.exceptions.ConfigurationException;
import jakarta.inject.Singleton;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Adds the cases of its policy to a limit, each as a limit with a policy and a key of its own. */
@Singleton
@RequiresRateLimit
final class CaseBinder {

    private final PolicyRegistry policies;
    private final KeyResolution keys;
    private final GeneratedNames names;
    private final @Nullable ClientAddress addresses;

    /** Knows the form of addresses unless the application has a resolver of its own. */
    CaseBinder(
            PolicyRegistry policies,
            KeyResolution keys,
            GeneratedNames names,
            ClientAddress addresses,
            ClientAddressResolver resolver) {
        this.policies = policies;
        this.keys = keys;
        this.names = names;
        this.addresses = resolver.getClass() == ClientAddressResolver.class ? addresses : null;
    }

    /**
     * Returns a limit with the cases of its policy.
     *
     * @param limit     the limit with the policy as configured
     * @param hasOwnKey whether the annotation or rule has a key of its own
     * @param message   whether the limit is on messages of a WebSocket, which have a connection
     * @param shadow    whether the annotation or rule is in shadow mode
     * @param adjusted  adds the properties of the annotation to a policy of the configuration
     * @return the limit with adjusted policies; without cases if the policy has none
     * @throws ConfigurationException if the cases cannot be used where the limit is
     */
    LimitBinding bind(
            LimitBinding limit, boolean hasOwnKey, boolean message, boolean shadow, UnaryOperator<Policy> adjusted) {
        ConfiguredPolicy configured = policies.find(limit.policy().writtenName());
        PolicyCases cases = configured == null ? null : configured.cases();
        if (configured == null || cases == null) {
            return limit.withPolicy(adjusted.apply(limit.policy()));
        }
        check(cases, limit);
        if (hasOwnKey
                && cases.all().stream()
                        .allMatch(one -> hasKey(one) || !one.allowance().isLimited())) {
            throw new ConfigurationException(limit.location() + " has a key that would never apply, because every case"
                    + " of the policy \"" + limit.policy().writtenName() + "\" has its own; remove it.");
        }
        CaseChoice<LimitBinding> choice =
                cases.map(one -> bind(one, configured.policyOf(one), limit, message, shadow, adjusted));
        return limit.withCases(choice);
    }

    private static boolean hasKey(PolicyCase one) {
        return one.key() != null;
    }

    private void check(PolicyCases cases, LimitBinding limit) {
        if (cases.needRoles()) {
            keys.requireUserAttributes(
                    "A case of the policy \"" + limit.policy().writtenName() + "\"");
        }
        if (addresses != null) {
            try {
                cases.requireGroups(addresses.ipv6Prefix());
            } catch (IllegalArgumentException e) {
                throw new ConfigurationException(
                        "ratelimit.policies." + limit.policy().writtenName() + ": " + e.getMessage(), e);
            }
        }
    }

    private LimitBinding bind(
            PolicyCase one,
            Policy policy,
            LimitBinding limit,
            boolean message,
            boolean shadow,
            UnaryOperator<Policy> adjusted) {
        KeyTemplate key = one.key();
        if (key != null && message) {
            keys.checkOfMessage(key, limit.location());
        } else if (key != null) {
            keys.check(key, limit.location());
        }
        names.addCase(policy.name(), limit.policy().writtenName());
        return new LimitBinding(
                limit.location(),
                one.allowance().isLimited() ? adjusted.apply(policy) : shadow ? policy.asShadow() : policy,
                key == null ? limit.key() : key,
                key == null ? limit.keyExpression() : null,
                limit.cost(),
                limit.costExpression(),
                one.allowance().kind(),
                null);
    }
}
