package io.github.micronautratelimit.examples.quickstart;

import java.util.List;
import java.util.Map;

import org.reactivestreams.Publisher;

import io.micronaut.http.HttpRequest;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import jakarta.inject.Singleton;
import reactor.core.publisher.Mono;

/** Believes the token {@code demo-NAME}. For trying limits out, never for anything else: use micronaut-security-jwt. */
@Singleton
class DemoTokens implements AuthenticationFetcher<HttpRequest<?>> {

    private static final String START = "Bearer demo-";

    @Override
    public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
        String written = request.getHeaders().get("Authorization");
        if (written == null || !written.startsWith(START) || written.length() == START.length()) {
            return Mono.empty();
        }
        String name = written.substring(START.length());
        return Mono.just(Authentication.build(name, List.of(), Map.of("agent_id", name)));
    }
}
