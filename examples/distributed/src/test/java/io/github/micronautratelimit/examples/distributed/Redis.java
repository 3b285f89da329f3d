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

/** A {@code redis-server} for one test class: the one on the path, else the one that embedded-redis carries. */
final class Redis implements AutoCloseable {

    private static final Pattern READY = Pattern.compile("Ready to accept connections");

    private final int port = Ports.free();
    private final Child process;

    /** One that keeps nothing on disk. */
    Redis() {
        this(List.of("--save", "", "--appendonly", "no"));
    }

    /** One with a configuration. */
    Redis(Path configuration) {
        this(List.of(configuration.toString()));
    }

    private Redis(List<String> settings) {
        Path program = program().orElseThrow(() -> new AssertionError("There is no redis-server."));
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(settings);
        command.addAll(List.of("--port", Integer.toString(port), "--bind", "127.0.0.1"));
        process = Child.start(Map.of(), READY, command);
    }

    /** Whether tests have to be skipped: there is none, and none is required. Says so. */
    static boolean isMissing() {
        boolean required = Boolean.parseBoolean(System.getenv("CI")) || Boolean.getBoolean("ratelimit.redis.required");
        boolean missing = !required && program().isEmpty();
        if (missing) {
            System.err.println("No redis-server is on the path, and none of embedded-redis runs here: "
                    + "that instances share limits on Redis is NOT TESTED.");
        }
        return missing;
    }

    private static Optional<Path> program() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "redis-server")).filter(Files::isExecutable).findFirst()
                .or(Redis::carried);
    }

    private static Optional<Path> carried() {
        try {
            File file = ExecutableProvider.newJarResourceProvider().get();
            file.deleteOnExit();
            return Optional.of(file.toPath());
        } catch (IOException | RuntimeException e) {
            return Optional.empty();
        }
    }

    /** Where it listens. */
    String address() {
        return "127.0.0.1:" + port;
    }

    /** Ends it as a crash would. */
    void kill() {
        process.kill();
    }

    @Override
    public void close() {
        kill();
    }
}
