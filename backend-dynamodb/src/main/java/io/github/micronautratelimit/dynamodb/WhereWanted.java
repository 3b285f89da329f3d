package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.config.RateLimitConfiguration;
import io.micronaut.context.condition.Condition;
import io.micronaut.context.condition.ConditionContext;

/** Where a table is named, or DynamoDB is chosen as the backend. */
final class WhereWanted implements Condition {

    /** The name of the backend. */
    static final String NAME = "dynamodb";

    @Override
    @SuppressWarnings("rawtypes")
    public boolean matches(ConditionContext context) {
        return context.containsProperty(DynamoDbConfiguration.PREFIX + ".table")
                || context.getProperty(RateLimitConfiguration.PREFIX + ".backend", String.class)
                        .filter(NAME::equals).isPresent();
    }
}
