package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.micronaut.http.HttpRequest;
import org.jspecify.annotations.Nullable;

/**
 * Selects the limits of a key, for example by the plan of a customer. If the application has a bean of this type, it is
 * called for every key without an entry in {@code ratelimit.policies.NAME.overrides}.
 *
 * <p>Called for every request, possibly on an event loop: must not block, so keep the limits in memory. If it throws,
 * the policy applies unchanged. Limits may differ from one request to the next: spent permits stay spent.
 */
@FunctionalInterface
public interface PolicyResolver extends PolicyOverrides.Resolver<HttpRequest<?>> {

    /**
     * Selects the limits of a key.
     *
     * @param policy  the policy as configured or annotated
     * @param key     the value of the key; for example the user name for the template <code>{principal}</code>, or the
     *                address for <code>{ip}</code>
     * @param request the request, or {@code null} for a call outside a request
     * @return the policy itself, or the result of its {@link Policy#withLimits}
     */
    @Override
    Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request);
}
