package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.expressions.EvaluatedExpression;
import org.jspecify.annotations.Nullable;

/**
 * The application of a policy to calls or requests, by an annotation or a path rule.
 *
 * @param location       the annotation, or the rule and its paths
 * @param policy         the policy
 * @param key            the key; {@code null} if {@code keyExpression} computes it, or if all callers share one
 * @param keyExpression  computes the key from the arguments, or {@code null}
 * @param cost           the cost of a call, or the bounds of {@code costExpression}
 * @param costExpression computes the cost of a call from the arguments, or {@code null}
 */
@Internal
public record LimitBinding(
        String location,
        Policy policy,
        @Nullable KeyTemplate key,
        @Nullable EvaluatedExpression keyExpression,
        Cost cost,
        @Nullable EvaluatedExpression costExpression) {

    LimitBinding withKey(KeyTemplate other) {
        return new LimitBinding(location, policy, other, keyExpression, cost, costExpression);
    }

    /**
     * Returns whether the cost is a value of the request or the call, and not a fixed number.
     *
     * @return {@code true} if the permits of a request may be an estimate
     */
    public boolean isEstimated() {
        return costExpression != null || cost.given() != null;
    }

    /**
     * Returns whether the limit depends on the arguments of the call. The interceptor enforces such a limit.
     *
     * @return {@code true} if there is an expression
     */
    public boolean needsArguments() {
        return keyExpression != null || costExpression != null;
    }

    /**
     * Returns whether the limit can be enforced only after authentication.
     *
     * @param keys knows the beans that keys name
     * @return {@code true} if the key or the cost depends on the user
     */
    public boolean isAfterAuthentication(KeyResolution keys) {
        return key != null && keys.afterAuthentication(key) || keys.afterAuthentication(cost);
    }

    /**
     * Returns whether a client can choose the key, and therefore use a new key for each request.
     *
     * @return {@code true} if the key comes from the client
     */
    public boolean isChosenByClient() {
        return key != null && key.isClientsChoice();
    }
}
