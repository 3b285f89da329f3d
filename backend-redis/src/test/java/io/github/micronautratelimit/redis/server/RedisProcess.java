package io.github.micronautratelimit.redis.server;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * A {@code redis-server} with its own port and folder. It ends with this JVM even if that is killed: a shell between
 * the two kills the server when the pipe to the JVM is closed.
 */
public final class RedisProcess implements AutoCloseable {

    private static final String SHELL =
            """
            "$@" &
            server=$!
            echo pid $server
            exec 3<&0
            { read end; kill -9 $server; } <&3 > /dev/null 2>&1 &
            watch=$!
            wait $server
            kill $watch
            """;
    private static final List<String> READY = List.of("Ready to accept connections", "Sentinel ID is");
    private static final Set<RedisProcess> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> List.copyOf(RUNNING).forEach(RedisProcess::close)));
    }

    private final Path folder;
    private final int port;
    private final boolean sentinel;
    private Process shell;
    private ProcessHandle server;

    private RedisProcess(Path folder, int port, boolean sentinel) throws IOException {
        this.folder = folder;
        this.port = port;
        this.sentinel = sentinel;
        this.shell = launch();
        this.server = awaitReady();
        RUNNING.add(this);
    }

    /**
     * Starts a server, without persistence by default.
     *
     * @param settings more lines of its configuration; a line that starts with {@code sentinel} makes it a Sentinel
     */
    public static RedisProcess start(String... settings) {
        try {
            int port = Ports.free();
            Path folder = Files.createTempDirectory("ratelimit-redis");
            boolean tls = Stream.of(settings).anyMatch(line -> line.startsWith("tls-"));
            boolean sentinel = Stream.of(settings).anyMatch(line -> line.startsWith("sentinel "));
            List<String> lines =
                    new ArrayList<>(List.of(tls ? "port 0" : "port " + port, "bind 127.0.0.1", "dir " + folder));
            if (tls) {
                lines.add("tls-port " + port);
            }
            if (!sentinel) {
                lines.addAll(List.of("save \"\"", "repl-diskless-sync-delay 0"));
                RedisProgram.find()
                        .filter(program -> program.version() >= 7)
                        .ifPresent(program -> lines.add("enable-debug-command yes"));
            }
            lines.addAll(List.of(settings));
            Files.write(folder.resolve("redis.conf"), lines);
            return new RedisProcess(folder, port, sentinel);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Reserves the port of a server that {@link #restart} starts later. */
    public static RedisProcess absent() {
        RedisProcess server = start();
        server.kill();
        return server;
    }

    private Process launch() throws IOException {
        String program = RedisProgram.find()
                .orElseThrow(() -> new AssertionError("No redis-server found."))
                .file()
                .toString();
        List<String> command = new ArrayList<>(List.of(
                "sh", "-c", SHELL, "sh", program, folder.resolve("redis.conf").toString()));
        if (sentinel) {
            command.add("--sentinel");
        }
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private ProcessHandle awaitReady() throws IOException {
        BufferedReader output =
                new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder log = new StringBuilder();
        ProcessHandle found = shell.toHandle();
        String line = "";
        while (READY.stream().noneMatch(line::contains)) {
            line = output.readLine();
            if (line == null) {
                throw new IllegalStateException("redis-server did not start:\n" + log);
            }
            log.append(line).append('\n');
            if (line.startsWith("pid ")) {
                found = ProcessHandle.of(Long.parseLong(line.substring(4))).orElse(found);
            }
        }
        Thread drain = new Thread(() -> output.lines().forEach(ignored -> {}));
        drain.setDaemon(true);
        drain.start();
        return found;
    }

    /** Returns the port of the server. */
    public int port() {
        return port;
    }

    /** Returns the URI without encryption or password. */
    public String uri() {
        return "redis://127.0.0.1:" + port;
    }

    /** Kills the server with SIGKILL, like a crash. */
    public void kill() {
        server.destroyForcibly();
        try {
            shell.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Stops the server with SIGSTOP: until {@link #resume}, it neither replies nor closes a connection. */
    public void pause() {
        signal("STOP");
    }

    /** Continues the server with SIGCONT after {@link #pause}. */
    public void resume() {
        signal("CONT");
    }

    private void signal(String name) {
        try {
            int status = new ProcessBuilder("kill", "-" + name, Long.toString(server.pid()))
                    .start()
                    .waitFor();
            if (status != 0) {
                throw new IllegalStateException("The server has ended.");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Starts the server again after {@link #kill}, on the same port and with the data on its disk. */
    public void restart() {
        try {
            shell = launch();
            server = awaitReady();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        if (RUNNING.remove(this)) {
            kill();
            try {
                deleteFolder();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void deleteFolder() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
