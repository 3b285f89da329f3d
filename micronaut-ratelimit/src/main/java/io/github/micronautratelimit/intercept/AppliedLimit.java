package io.github.micronautratelimit.intercept;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.core.expressions.EvaluatedExpression;

/**
 * A policy as it applies in one place, be it an annotation or a path rule.
 *
 * @param place          names the annotation, or the rule and its paths
 * @param policy         the policy
 * @param key            who is limited, or {@code null} if {@code keyExpression} says, or if nothing does
 * @param keyExpression  who is limited, computed from the arguments, or {@code null}
 * @param cost           what a call costs, unless {@code costExpression} says
 * @param costExpression what a call costs, computed from the arguments, or {@code null}
 */
public record AppliedLimit(String place, Policy policy, @Nullable KeyTemplate key,
                           @Nullable EvaluatedExpression keyExpression, Cost cost,
                           @Nullable EvaluatedExpression costExpression) {

    /**
     * Whether the arguments of the call must be known: such a limit is left to the advice.
     *
     * @return {@code true} if an expression is to be evaluated
     */
    public boolean needsArguments() {
        return keyExpression != null || costExpression != null;
    }

    /**
     * Whether the request must have been authenticated before the limit can be enforced.
     *
     * @param keys knows the beans that keys name
     * @return {@code true} if the key or the cost depends on the user
     */
    public boolean isAfterAuthentication(Keys keys) {
        return key != null && keys.afterAuthentication(key) || keys.afterAuthentication(cost);
    }

    /**
     * Whether a client may choose the key, and so take a new one for each request.
     *
     * @return {@code true} if the key is what the client writes
     */
    public boolean isClientsChoice() {
        return key != null && key.isClientsChoice();
    }
}
