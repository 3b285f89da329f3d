package io.github.micronautratelimit.http;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RefreshedConfiguration;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.config.SettingsCheck;
import io.github.micronautratelimit.intercept.AnnotatedLimits;
import io.micronaut.context.env.Environment;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.core.order.Ordered;
import io.micronaut.runtime.ApplicationConfiguration;
import io.micronaut.runtime.context.scope.refresh.RefreshEvent;
import io.micronaut.runtime.context.scope.refresh.RefreshScope;
import jakarta.inject.Singleton;

/**
 * Makes changed limits act on the next request when the application's settings are refreshed, as by {@code POST /refresh}.
 * Settings that are wrong are logged, and those before still hold.
 */
@Singleton
@RequiresRateLimit
final class LimitsRefresh implements ApplicationEventListener<RefreshEvent>, Ordered {

    private static final Logger LOG = LoggerFactory.getLogger(LimitsRefresh.class);

    private final Environment environment;
    private final ApplicationConfiguration application;
    private final SettingsCheck settings;
    private final Policies policies;
    private final AnnotatedLimits annotated;
    private final PathRules rules;
    private final RequestLimiter limiter;

    LimitsRefresh(Environment environment, ApplicationConfiguration application, SettingsCheck settings,
                  Policies policies, AnnotatedLimits annotated, PathRules rules, RequestLimiter limiter) {
        this.environment = environment;
        this.application = application;
        this.settings = settings;
        this.policies = policies;
        this.annotated = annotated;
        this.rules = rules;
        this.limiter = limiter;
    }

    @Override
    public void onApplicationEvent(RefreshEvent event) {
        try {
            settings.check();
            RefreshedConfiguration anew = RefreshedConfiguration.read(environment, application);
            policies.reload(anew, () -> {
                annotated.reload();
                rules.reload(anew);
            });
        } catch (RuntimeException e) {
            LOG.error("The limits were not refreshed, those before still hold: {}", e.getMessage());
        }
        limiter.reload();
    }

    /** Before the framework writes changed values into its beans, which may fail at somebody else's. */
    @Override
    public int getOrder() {
        return RefreshScope.POSITION - 1;
    }
}
