package io.github.micronautratelimit.examples.distributed;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import redis.embedded.core.ExecutableProvider;

/** A {@code redis-server} for one test class: from the path, or otherwise from embedded-redis. */
final class Redis implements AutoCloseable {

    private static final Pattern READY = Pattern.compile("Ready to accept connections");

    private final int port = Ports.free();
    private final Child process;

    /** Starts a server without files. */
    Redis() {
        this(List.of("--save", "", "--appendonly", "no"));
    }

    /** Starts a server with a configuration file. */
    Redis(Path configuration) {
        this(List.of(configuration.toString()));
    }

    private Redis(List<String> settings) {
        Path program = program()
                .orElseThrow(() -> new AssertionError(
                        "redis-server is missing on the path, and the one of embedded-redis does not run here."));
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(settings);
        command.addAll(List.of("--port", Integer.toString(port), "--bind", "127.0.0.1"));
        process = Child.start(Map.of(), READY, command);
    }

    /** Returns whether tests are skipped because a server is missing and not required, and prints a message then. */
    static boolean isMissing() {
        boolean required = Boolean.parseBoolean(System.getenv("CI")) || Boolean.getBoolean("ratelimit.redis.required");
        boolean missing = !required && program().isEmpty();
        if (missing) {
            System.err.println("redis-server is missing on the path, and the one of embedded-redis does not run here: "
                    + "limits shared on Redis are NOT TESTED.");
        }
        return missing;
    }

    private static Optional<Path> program() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "redis-server"))
                .filter(Files::isExecutable)
                .findFirst()
                .or(Redis::embedded);
    }

    private static Optional<Path> embedded() {
        try {
            File file = ExecutableProvider.newJarResourceProvider().get();
            file.deleteOnExit();
            return Optional.of(file.toPath());
        } catch (IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Returns the address and port of the server. */
    String address() {
        return "127.0.0.1:" + port;
    }

    /** Ends the server like a crash. */
    void kill() {
        process.kill();
    }

    @Override
    public void close() {
        kill();
    }
}
