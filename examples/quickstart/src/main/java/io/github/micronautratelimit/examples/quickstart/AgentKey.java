package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.micronaut.http.HttpRequest;
import io.micronaut.security.authentication.Authentication;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.Optional;

/** Resolves {@code {bean:agent}} in a key to the {@code agent_id} of the authenticated user. */
// tag::resolver[]
@Singleton
@Named("agent")
class AgentKey implements RateLimitKeyResolver {

    @Override
    public Optional<String> resolve(HttpRequest<?> request) {
        return request.getUserPrincipal(Authentication.class)
                .map(user -> (String) user.getAttributes().get("agent_id"));
    }
}
// end::resolver[]
