package io.github.micronautratelimit.redis.server;

import java.util.Optional;

/**
 * Where a standalone server comes from: {@code ratelimit.redis.uri} names one, else a Docker engine starts
 * {@code ratelimit.redis.image}, else {@link RedisProgram} is started.
 */
public final class StandaloneServer {

    private static final String IMAGE = "redis:7-alpine";

    private StandaloneServer() {
    }

    /** Its URI; empty where there is none. */
    public static Optional<String> find() {
        return property("ratelimit.redis.uri")
                .or(() -> DockerEngine.start(property("ratelimit.redis.image").orElse(IMAGE)))
                .or(() -> RedisProgram.find().map(program -> RedisProcess.start().uri()));
    }

    /** A build that passes on a property nobody has set passes on its placeholder. */
    private static Optional<String> property(String name) {
        return Optional.of(System.getProperty(name, "")).filter(text -> !text.isBlank() && !text.startsWith("${"));
    }
}
