package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.redis.server.RedisProgram;
import io.github.micronautratelimit.redis.server.StandaloneServer;
import java.util.Optional;

/**
 * The server that all tests of a run share, see {@link StandaloneServer}. Without one, tests are skipped, or fail if
 * {@code CI} or {@code ratelimit.redis.required} is {@code true}. The same applies to tests that start
 * servers if no {@code redis-server} program is found.
 */
final class RedisServer {

    private static final String NO_SERVER = "No Redis found: -Dratelimit.redis.uri is not set, no Docker engine "
            + "starts one, and no redis-server runs here. The Redis backend is NOT TESTED.";
    private static final String NO_PROGRAM = "No redis-server found on the PATH, and none of embedded-redis runs here. "
            + "The Redis backend is NOT TESTED with failing servers, a cluster, Sentinels or encryption.";

    private RedisServer() {}

    /** Returns why tests on the shared server are skipped; empty if it is available or required. */
    static Optional<String> reasonToSkip() {
        return required() || Shared.URI.isPresent() ? Optional.empty() : Optional.of(NO_SERVER);
    }

    /** Returns why tests that start servers are skipped; empty if the program is available or required. */
    static Optional<String> reasonToSkipProcesses() {
        return required() || RedisProgram.find().isPresent() ? Optional.empty() : Optional.of(NO_PROGRAM);
    }

    /** Returns the URI of the shared server. Fails the test if there is none. */
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
