package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.StoreFailure;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.core.util.Toggleable;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;

/**
 * Publishes decisions and store failures as application events, for methods with {@code @EventListener}. If no method
 * listens to {@link RateLimitEvent} or {@link StoreFailure}, nothing is published and decisions have no extra cost.
 */
@Singleton
@RequiresRateLimit
final class ApplicationEvents implements RateLimitListener, Toggleable {

    private final BeanContext beans;
    private final ApplicationEventPublisher<RateLimitEvent> decisions;
    private final ApplicationEventPublisher<StoreFailure> failures;

    ApplicationEvents(
            BeanContext beans,
            ApplicationEventPublisher<RateLimitEvent> decisions,
            ApplicationEventPublisher<StoreFailure> failures) {
        this.beans = beans;
        this.decisions = decisions;
        this.failures = failures;
    }

    /** Searches definitions, not beans: a listener may inject the limiter, which does not exist yet. */
    @Override
    public boolean isEnabled() {
        return hasListener(RateLimitEvent.class) || hasListener(StoreFailure.class);
    }

    private boolean hasListener(Class<?> event) {
        return !beans.getBeanDefinitions(ApplicationEventListener.class, Qualifiers.byTypeArguments(event))
                .isEmpty();
    }

    @Override
    public void onAllow(RateLimitEvent event) {
        decisions.publishEvent(event);
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        decisions.publishEvent(event);
    }

    @Override
    public void onError(StoreFailure failure) {
        failures.publishEvent(failure);
    }
}
