package io.github.micronautratelimit.observe;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitFailure;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.core.util.Toggleable;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;

/**
 * Publishes what listeners are told as application events, for methods under {@code @EventListener}. If there is none for
 * {@link RateLimitEvent} or {@link RateLimitFailure}, nobody is told and it costs nothing.
 */
@Singleton
@RequiresRateLimit
final class ApplicationEvents implements RateLimitListener, Toggleable {

    private final BeanContext beans;
    private final ApplicationEventPublisher<RateLimitEvent> decisions;
    private final ApplicationEventPublisher<RateLimitFailure> failures;

    ApplicationEvents(BeanContext beans, ApplicationEventPublisher<RateLimitEvent> decisions,
                      ApplicationEventPublisher<RateLimitFailure> failures) {
        this.beans = beans;
        this.decisions = decisions;
        this.failures = failures;
    }

    /** Looks for definitions, not beans: those who listen may need the limiter, which is not made yet. */
    @Override
    public boolean isEnabled() {
        return isHeard(RateLimitEvent.class) || isHeard(RateLimitFailure.class);
    }

    private boolean isHeard(Class<?> event) {
        return !beans.getBeanDefinitions(ApplicationEventListener.class, Qualifiers.byTypeArguments(event)).isEmpty();
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
    public void onError(RateLimitFailure failure) {
        failures.publishEvent(failure);
    }
}
