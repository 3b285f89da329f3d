package io.github.micronautratelimit.examples.quickstart;

import io.micronaut.http.HttpRequest;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Map;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

/** Accepts every token {@code demo-NAME}. For this demo only; a real application uses micronaut-security-jwt. */
@Singleton
class DemoTokens implements AuthenticationFetcher<HttpRequest<?>> {

    private static final String PREFIX = "Bearer demo-";

    @Override
    public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
        String header = request.getHeaders().get("Authorization");
        if (header == null || !header.startsWith(PREFIX) || header.length() == PREFIX.length()) {
            return Mono.empty();
        }
        String name = header.substring(PREFIX.length());
        return Mono.just(Authentication.build(name, List.of(), Map.of("agent_id", name)));
    }
}
