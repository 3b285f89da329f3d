package io.github.micronautratelimit.key;

import java.util.Optional;

import io.micronaut.http.HttpRequest;

/**
 * Says who is limited, in a way of your own: a bean named {@code NAME} stands for <code>{bean:NAME}</code> in a key.
 *
 * <p>Called for every request the key is for, possibly on an event loop: never block. Whatever it throws counts as
 * nothing found.
 */
@FunctionalInterface
public interface RateLimitKeyResolver {

    /**
     * Finds out who is limited.
     *
     * @param request the request
     * @return any text; empty if the request does not say, which makes the client's address stand in
     */
    Optional<String> resolve(HttpRequest<?> request);

    /**
     * Whether the request must have been authenticated before this is called. Say {@code false} if it needs not: then
     * requests that fail to authenticate are limited too.
     *
     * @return {@code true} unless overridden
     */
    default boolean afterAuthentication() {
        return true;
    }
}
