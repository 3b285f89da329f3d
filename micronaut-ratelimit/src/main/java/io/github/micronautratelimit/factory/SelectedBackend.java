package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.RateLimitBackend;
import io.micronaut.core.annotation.Internal;

/**
 * The backend that the configuration selects.
 *
 * @param name    its name in the configuration
 * @param backend the backend itself, without guard and caches
 */
@Internal
public record SelectedBackend(String name, RateLimitBackend backend) {}
