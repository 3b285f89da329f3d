package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.http.context.event.HttpRequestTerminatedEvent;
import jakarta.inject.Singleton;

/** Releases the slots of a request after the last byte of its response is written, or the client has disconnected. */
@Singleton
@RequiresRateLimit
final class RequestTerminationListener implements ApplicationEventListener<HttpRequestTerminatedEvent> {

    @Override
    public void onApplicationEvent(HttpRequestTerminatedEvent event) {
        RateLimitContext context = RateLimitContext.of(event.getSource());
        if (context != null) {
            context.slots().end();
            context.slots().complete();
        }
    }
}
