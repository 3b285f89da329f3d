package io.github.micronautratelimit.examples.quickstart;

import java.util.Optional;

import io.github.micronautratelimit.key.RateLimitKeyResolver;
import io.micronaut.http.HttpRequest;
import io.micronaut.security.authentication.Authentication;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** Stands for {@code {bean:agent}} in a key: the agent that the user is, by what the authentication says. */
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
