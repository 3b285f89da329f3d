package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.ConfigurationValidator;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RefreshedConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.github.micronautratelimit.policy.DefaultLimit;
import io.github.micronautratelimit.policy.PathRules;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.policy.ReachabilityCheck;
import io.micronaut.context.env.Environment;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.core.order.Ordered;
import io.micronaut.runtime.ApplicationConfiguration;
import io.micronaut.runtime.context.scope.refresh.RefreshEvent;
import io.micronaut.runtime.context.scope.refresh.RefreshScope;
import jakarta.inject.Singleton;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies changed limits to the next request when the configuration is refreshed, for example by
 * {@code POST /refresh}. If the new configuration is invalid, logs the error and keeps the previous limits.
 */
@Singleton
@RequiresRateLimit
final class ConfigurationRefreshListener implements ApplicationEventListener<RefreshEvent>, Ordered {

    private static final Logger LOG = LoggerFactory.getLogger(ConfigurationRefreshListener.class);

    private final Environment environment;
    private final ApplicationConfiguration application;
    private final ConfigurationValidator validator;
    private final PolicyRegistry policies;
    private final AnnotationLimits annotations;
    private final PathRules rules;
    private final DefaultLimit defaultLimit;
    private final ReachabilityCheck reachability;
    private final RouteLimits routes;
    /** The properties of the last refresh; {@code null} before the first one. */
    private @Nullable Map<String, Object> properties;

    ConfigurationRefreshListener(
            Environment environment,
            ApplicationConfiguration application,
            ConfigurationValidator validator,
            PolicyRegistry policies,
            AnnotationLimits annotations,
            PathRules rules,
            DefaultLimit defaultLimit,
            ReachabilityCheck reachability,
            RouteLimits routes) {
        this.environment = environment;
        this.application = application;
        this.validator = validator;
        this.policies = policies;
        this.annotations = annotations;
        this.rules = rules;
        this.defaultLimit = defaultLimit;
        this.reachability = reachability;
        this.routes = routes;
    }

    @Override
    public synchronized void onApplicationEvent(RefreshEvent event) {
        refresh();
    }

    /** Does nothing after an event, for which the limits were refreshed before the framework updated its beans. */
    synchronized void refreshIfChanged() {
        if (!environment.getProperties(RateLimitConfiguration.PREFIX).equals(properties)) {
            refresh();
        }
    }

    private void refresh() {
        properties = environment.getProperties(RateLimitConfiguration.PREFIX);
        try {
            validator.check();
            RefreshedConfiguration refreshed = RefreshedConfiguration.read(environment, application);
            policies.reload(
                    refreshed,
                    () -> annotations.reload(() -> rules.reload(
                            refreshed, () -> defaultLimit.reload(refreshed.general(), reachability::check))));
        } catch (RuntimeException e) {
            LOG.error("Limits were not refreshed; the previous limits stay in force: {}", e.getMessage());
        }
        routes.reload();
    }

    /**
     * Runs before the framework updates its configuration beans, because an invalid value of another bean may fail
     * that.
     */
    @Override
    public int getOrder() {
        return RefreshScope.POSITION - 1;
    }
}
