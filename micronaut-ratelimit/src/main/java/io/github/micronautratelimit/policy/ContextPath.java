package io.github.micronautratelimit.policy;

import io.micronaut.context.env.Environment;

/** The path that the server puts before the paths of all routes. */
final class ContextPath {

    private ContextPath() {}

    /** Returns the path with a leading slash and without a trailing one, or an empty text. */
    static String of(Environment environment) {
        String configured = environment
                .getProperty("micronaut.server.context-path", String.class)
                .orElse("");
        String path = configured.endsWith("/") ? configured.substring(0, configured.length() - 1) : configured;
        return path.isEmpty() || path.startsWith("/") ? path : "/" + path;
    }
}
