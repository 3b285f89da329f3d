package io.github.micronautratelimit.redis.server;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import redis.embedded.core.ExecutableProvider;

/** The {@code redis-server} program: the one on the PATH, otherwise the one of embedded-redis for this system. */
public final class RedisProgram {

    private static final Pattern VERSION = Pattern.compile("v=(\\d+)\\.");
    private static final Optional<RedisProgram> FOUND = search();

    private final Path file;
    private final int version;

    private RedisProgram(Path file, int version) {
        this.file = file;
        this.version = version;
    }

    /** Returns the program; empty if none runs. */
    public static Optional<RedisProgram> find() {
        return FOUND;
    }

    /** Returns its file. */
    public Path file() {
        return file;
    }

    /** Returns its major version. */
    public int version() {
        return version;
    }

    private static Optional<RedisProgram> search() {
        for (String folder : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path file = Path.of(folder, "redis-server");
            if (Files.isExecutable(file)) {
                return Optional.of(new RedisProgram(file, versionOf(file)));
            }
        }
        try {
            Path file = ExecutableProvider.newJarResourceProvider().get().toPath();
            file.toFile().deleteOnExit();
            return Optional.of(new RedisProgram(file, versionOf(file)));
        } catch (IOException | RuntimeException e) {
            System.err.println("The redis-server of embedded-redis does not run here: " + e.getMessage());
            return Optional.empty();
        }
    }

    private static int versionOf(Path file) {
        try {
            Process process = new ProcessBuilder(file.toString(), "--version")
                    .redirectErrorStream(true)
                    .start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            Matcher matcher = VERSION.matcher(text);
            if (!matcher.find()) {
                throw new IllegalStateException(file + " does not run: " + text);
            }
            return Integer.parseInt(matcher.group(1));
        } catch (IOException e) {
            throw new IllegalStateException(file + " does not run: " + e.getMessage(), e);
        }
    }
}
