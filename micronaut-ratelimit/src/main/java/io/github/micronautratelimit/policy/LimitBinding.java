package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.CaseChoice;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.expressions.EvaluatedExpression;
import java.util.List;
import java.util.stream.Stream;
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
 * @param kind           whether the limits of the policy decide, or the case says {@code unlimited} or {@code deny}
 * @param cases          chooses among the cases of the policy, each with a policy and a key of its own; {@code null} if
 *                       the policy has no cases, or this is a case
 */
@Internal
public record LimitBinding(
        String location,
        Policy policy,
        @Nullable KeyTemplate key,
        @Nullable EvaluatedExpression keyExpression,
        Cost cost,
        @Nullable EvaluatedExpression costExpression,
        Allowance.Kind kind,
        @Nullable CaseChoice<LimitBinding> cases) {

    /** Creates a limit without cases. */
    LimitBinding(
            String location,
            Policy policy,
            @Nullable KeyTemplate key,
            @Nullable EvaluatedExpression keyExpression,
            Cost cost,
            @Nullable EvaluatedExpression costExpression) {
        this(location, policy, key, keyExpression, cost, costExpression, Allowance.Kind.LIMITED, null);
    }

    /** Returns this limit with a key for all requests that have none. */
    LimitBinding withDefaultKey(KeyTemplate other) {
        boolean without = key == null && keyExpression == null;
        return new LimitBinding(
                location,
                policy,
                without ? other : key,
                keyExpression,
                cost,
                costExpression,
                kind,
                cases == null ? null : cases.map(one -> one.withDefaultKey(other)));
    }

    LimitBinding withPolicy(Policy other) {
        return new LimitBinding(location, other, key, keyExpression, cost, costExpression, kind, cases);
    }

    LimitBinding withCases(CaseChoice<LimitBinding> choice) {
        return new LimitBinding(location, policy, key, keyExpression, cost, costExpression, kind, choice);
    }

    /**
     * Returns the limits of which one may apply to a request.
     *
     * @return those of the cases that have limits, or this limit if its policy has no cases
     */
    public List<LimitBinding> variants() {
        return cases == null
                ? List.of(this)
                : cases.values().stream()
                        .filter(one -> one.kind == Allowance.Kind.LIMITED)
                        .toList();
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
     * @return {@code true} if the key, the cost or the case depends on the user
     */
    public boolean isAfterAuthentication(KeyResolution keys) {
        return cases == null
                ? key != null && keys.afterAuthentication(key) || keys.afterAuthentication(cost)
                : cases.isOfUser() || variants().stream().anyMatch(one -> one.isAfterAuthentication(keys));
    }

    /**
     * Returns whether a client can choose the key, and therefore use a new key for each request.
     *
     * @return {@code true} if the key comes from the client
     */
    public boolean isChosenByClient() {
        return !keysChosenByClient().isEmpty();
    }

    /**
     * Returns the keys that a client can choose, of this limit or of its cases.
     *
     * @return templates; empty if there are none
     */
    public List<KeyTemplate> keysChosenByClient() {
        return variants().stream()
                .flatMap(variant -> Stream.ofNullable(variant.key))
                .filter(KeyTemplate::isClientsChoice)
                .distinct()
                .toList();
    }
}
