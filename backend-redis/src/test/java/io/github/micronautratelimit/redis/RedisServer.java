package io.github.micronautratelimit.redis;

import java.util.Optional;

import io.github.micronautratelimit.redis.server.RedisProgram;
import io.github.micronautratelimit.redis.server.StandaloneServer;

/**
 * The server all tests of a run share, see {@link StandaloneServer}. Where there is none, tests are skipped, or fail if
 * {@code CI} or {@code ratelimit.redis.required} is {@code true}. So are tests that start servers of their own where
 * there is no program to start.
 */
final class RedisServer {

    private static final String NO_SERVER = "There is no Redis: -Dratelimit.redis.uri names none, no Docker engine "
            + "starts one, and no redis-server runs here. The Redis backend is NOT TESTED.";
    private static final String NO_PROGRAM = "No redis-server is on the path, and none of embedded-redis runs here: "
            + "the Redis backend is NOT TESTED with servers that fail, with a cluster, sentinels or encryption.";

    private RedisServer() {
    }

    /** Why tests on the shared server are to be skipped; empty if there is one, or must be. */
    static Optional<String> reasonToSkip() {
        return required() || Shared.URI.isPresent() ? Optional.empty() : Optional.of(NO_SERVER);
    }

    /** Why tests that start servers are to be skipped; empty if there is a program to start, or must be. */
    static Optional<String> reasonToSkipProcesses() {
        return required() || RedisProgram.find().isPresent() ? Optional.empty() : Optional.of(NO_PROGRAM);
    }

    /** Where the shared server is; fails the test if there is none. */
    static String uri() {
        return Shared.URI.orElseThrow(() -> new AssertionError(NO_SERVER));
    }

    private static boolean required() {
        return Boolean.parseBoolean(System.getenv("CI")) || Boolean.getBoolean("ratelimit.redis.required");
    }

    private static final class Shared {

        static final Optional<String> URI = StandaloneServer.find();

        static {
            if (URI.isEmpty()) {
                System.err.println(NO_SERVER);
            }
        }
    }
}
