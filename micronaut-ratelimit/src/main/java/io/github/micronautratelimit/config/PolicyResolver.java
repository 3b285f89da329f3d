package io.github.micronautratelimit.config;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.web.OwnNumbers;
import io.micronaut.http.HttpRequest;

/**
 * Says which numbers hold for a key, in a way of your own: those of a customer's plan, say. A bean of this type is asked
 * about every key that {@code ratelimit.policies.NAME.overrides} does not name.
 *
 * <p>Called for every request, possibly on an event loop: never block, and answer from what is at hand. Whatever it throws
 * counts as the policy it was given. Numbers may change from one request to the next: what was spent stays spent.
 */
@FunctionalInterface
public interface PolicyResolver extends OwnNumbers.Resolver<HttpRequest<?>> {

    /**
     * Chooses the numbers.
     *
     * @param policy  the policy as it is configured or annotated
     * @param key     who is limited: the name of the user under <code>{principal}</code>, for example
     * @param request the request, or {@code null} for a call outside any
     * @return the policy itself, or {@link Policy#withLimits} of it
     */
    @Override
    Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request);
}
