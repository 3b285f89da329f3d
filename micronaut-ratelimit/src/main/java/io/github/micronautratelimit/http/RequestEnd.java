package io.github.micronautratelimit.http;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.micronaut.context.event.ApplicationEventListener;
import io.micronaut.http.context.event.HttpRequestTerminatedEvent;
import jakarta.inject.Singleton;

/**
 * Gives back the places a request held once its response is written to the last byte, or is written to nobody because the
 * client has gone.
 */
@Singleton
@RequiresRateLimit
final class RequestEnd implements ApplicationEventListener<HttpRequestTerminatedEvent> {

    @Override
    public void onApplicationEvent(HttpRequestTerminatedEvent event) {
        LimitedRequest limited = LimitedRequest.of(event.getSource());
        if (limited != null) {
            limited.atEnd().end();
        }
    }
}
