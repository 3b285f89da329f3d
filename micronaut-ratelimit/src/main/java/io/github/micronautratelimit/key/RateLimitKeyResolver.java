package io.github.micronautratelimit.key;

import io.micronaut.http.HttpRequest;
import java.util.Optional;

/**
 * Resolves a part of a key in the application's own way: the bean named {@code NAME} supplies the value of
 * <code>{bean:NAME}</code>.
 *
 * <p>Called for every request whose key needs it, possibly on an event loop: must not block. If it throws, the address
 * of the client is used instead.
 */
@FunctionalInterface
public interface RateLimitKeyResolver {

    /**
     * Resolves the value.
     *
     * @param request the request
     * @return any text; if empty, the address of the client is used instead
     */
    Optional<String> resolve(HttpRequest<?> request);

    /**
     * Returns whether the resolver needs an authenticated request. If not, override it to return {@code false}: then
     * requests that fail to authenticate are limited too.
     *
     * @return {@code true} unless overridden
     */
    default boolean afterAuthentication() {
        return true;
    }
}
