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
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** A {@code redis-server} of a test's own, to be stopped and started again on the same port. */
final class RedisProcess implements AutoCloseable {

    final int port;
    private final List<String> options;
    private @Nullable Process process;

    /** Not started yet: nothing listens on its port. */
    RedisProcess(String... options) {
        this.port = freePort();
        this.options = List.of(options);
    }

    static RedisProcess started(String... options) {
        return new RedisProcess(options).start();
    }

    String uri() {
        return "redis://127.0.0.1:" + port;
    }

    RedisProcess start() {
        List<String> command = new ArrayList<>(List.of("redis-server", "--port", Integer.toString(port), "--save", "",
                "--bind", "127.0.0.1"));
        command.addAll(options);
        try {
            Path folder = Files.createTempDirectory("ratelimit-redis");
            command.addAll(List.of("--dir", folder.toString()));
            Process started = new ProcessBuilder(command).redirectErrorStream(true).start();
            process = started;
            Runtime.getRuntime().addShutdownHook(new Thread(started::destroyForcibly));
            BufferedReader output =
                    new BufferedReader(new InputStreamReader(started.getInputStream(), StandardCharsets.UTF_8));
            StringBuilder said = new StringBuilder();
            for (String line = output.readLine(); ; line = output.readLine()) {
                if (line == null) {
                    throw new IllegalStateException("redis-server did not start:\n" + said);
                }
                said.append(line).append('\n');
                if (line.contains("Ready to accept connections")) {
                    return this;
                }
            }
        } catch (IOException e) {
            if (Boolean.parseBoolean(System.getenv("CI"))) {
                throw new UncheckedIOException(e);
            }
            Assumptions.abort("No redis-server is on the path: NOT TESTED.");
            throw new AssertionError(e);
        }
    }

    /** Dies, as by kill -9. */
    void kill() {
        if (process != null) {
            process.destroyForcibly().onExit().join();
        }
    }

    /** Stops it where it is: connections stay open, nothing answers. */
    void freeze() {
        signal("-STOP");
    }

    void thaw() {
        signal("-CONT");
    }

    private void signal(String signal) {
        try {
            new ProcessBuilder("kill", signal, Long.toString(process == null ? 0 : process.pid())).start()
                    .onExit().join();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        kill();
    }
}
