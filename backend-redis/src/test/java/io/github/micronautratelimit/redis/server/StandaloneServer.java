package io.github.micronautratelimit.redis.server;

import java.util.Optional;

/**
 * Finds a standalone server: the one of {@code ratelimit.redis.uri}, otherwise a container of
 * {@code ratelimit.redis.image}, otherwise {@link RedisProgram}.
 */
public final class StandaloneServer {

    private static final String IMAGE = "redis:7-alpine";

    private StandaloneServer() {}

    /** Returns the URI of the server; empty if there is none. */
    public static Optional<String> find() {
        return property("ratelimit.redis.uri")
                .or(() -> DockerEngine.start(property("ratelimit.redis.image").orElse(IMAGE)))
                .or(() ->
                        RedisProgram.find().map(program -> RedisProcess.start().uri()));
    }

    /** If a property is not set, the build passes its placeholder. */
    private static Optional<String> property(String name) {
        return Optional.of(System.getProperty(name, "")).filter(text -> !text.isBlank() && !text.startsWith("${"));
    }
}
