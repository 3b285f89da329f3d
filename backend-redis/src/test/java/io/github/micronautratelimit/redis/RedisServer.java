package io.github.micronautratelimit.redis;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The server all tests of a run share: the one that {@code ratelimit.redis.uri} names, else a {@code redis-server} from
 * the path, started on a free port. Where there is neither, tests are skipped, or fail if {@code CI} or
 * {@code ratelimit.redis.required} is {@code true}.
 */
final class RedisServer {

    private static final String MISSING = "No redis-server is on the path, and -Dratelimit.redis.uri names none: the "
            + "Redis backend is NOT TESTED.";

    private RedisServer() {
    }

    /** Why tests are to be skipped; empty if there is a server, or must be. */
    static Optional<String> reasonToSkip() {
        boolean required = Boolean.parseBoolean(System.getenv("CI")) || Boolean.getBoolean("ratelimit.redis.required");
        return Shared.URI.isEmpty() && !required ? Optional.of(MISSING) : Optional.empty();
    }

    /** Where the server is; fails the test if there is none. */
    static String uri() {
        if (Shared.URI.isEmpty()) {
            throw new AssertionError(MISSING);
        }
        return Shared.URI;
    }

    private static final class Shared {

        static final String URI = find();

        private static String find() {
            String given = System.getProperty("ratelimit.redis.uri", "");
            // A build that passes on a property nobody has set passes on its placeholder.
            if (!given.isBlank() && !given.startsWith("${")) {
                return given;
            }
            try {
                return start();
            } catch (IOException e) {
                System.err.println(MISSING + " (" + e.getMessage() + ")");
                return "";
            }
        }

        private static String start() throws IOException {
            Path folder = Files.createTempDirectory("ratelimit-redis");
            int port = freePort();
            Process server = new ProcessBuilder("redis-server", "--port", Integer.toString(port), "--save", "",
                    "--appendonly", "no", "--bind", "127.0.0.1", "--dir", folder.toString())
                    .redirectErrorStream(true).start();
            Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, folder)));
            StringBuilder said = new StringBuilder();
            BufferedReader output =
                    new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
            String line = output.readLine();
            while (line != null && !line.contains("Ready to accept connections")) {
                said.append(line).append('\n');
                line = output.readLine();
            }
            if (line == null) {
                throw new IllegalStateException("redis-server did not start:\n" + said);
            }
            return "redis://127.0.0.1:" + port;
        }

        private static int freePort() throws IOException {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            }
        }

        private static void stop(Process server, Path folder) {
            server.destroy();
            try {
                server.waitFor();
                Files.delete(folder);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
