package io.github.micronautratelimit.examples.distributed;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A process that ends with this one, even after a crash: a shell kills it when the pipe to this process closes. */
final class Child implements AutoCloseable {

    /** Longer than a slow machine needs. */
    private static final int TIMEOUT_SECONDS = 120;

    private static final Pattern PID = Pattern.compile("pid (\\d+)");
    private static final String SHELL =
            """
            "$@" 2>&1 &
            child=$!
            echo "pid $child"
            exec 3<&0
            { read -r end; kill -9 "$child"; } <&3 > /dev/null 2>&1 &
            watch=$!
            wait "$child"
            kill "$watch"
            """;

    private final Process shell;
    private final ProcessHandle child;
    private final MatchResult ready;

    private Child(Process shell, ProcessHandle child, MatchResult ready) {
        this.shell = shell;
        this.child = child;
        this.ready = ready;
    }

    /** Starts a command and returns when it has printed a line that matches the pattern. */
    static Child start(Map<String, String> environment, Pattern ready, List<String> command) {
        List<String> line = new ArrayList<>(List.of("sh", "-c", SHELL, "sh"));
        line.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(line);
        builder.environment().putAll(environment);
        try {
            Process shell = builder.start();
            Runtime.getRuntime().addShutdownHook(new Thread(shell::destroyForcibly));
            BufferedReader output = shell.inputReader(StandardCharsets.UTF_8);
            Matcher pid = PID.matcher(String.valueOf(output.readLine()));
            if (!pid.matches()) {
                throw new AssertionError("sh did not print the process id of the command.");
            }
            ProcessHandle child = ProcessHandle.of(Long.parseLong(pid.group(1))).orElse(shell.toHandle());
            return new Child(shell, child, await(ready, output));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MatchResult await(Pattern ready, BufferedReader output) {
        CompletableFuture<MatchResult> found = new CompletableFuture<>();
        StringBuffer log = new StringBuffer();
        Thread reader = new Thread(() -> {
            output.lines().forEach(line -> {
                Matcher matcher = ready.matcher(line);
                if (!found.isDone()) {
                    log.append(line).append('\n');
                    if (matcher.find()) {
                        found.complete(matcher.toMatchResult());
                    }
                }
            });
            found.completeExceptionally(new IllegalStateException("The process has ended."));
        });
        reader.setDaemon(true);
        reader.start();
        return found.orTimeout(TIMEOUT_SECONDS, TimeUnit.SECONDS)
                .exceptionally(failure -> {
                    throw new AssertionError("The process did not start; its output:\n" + log, failure);
                })
                .join();
    }

    /** Returns a group of the matching line. */
    String ready(int group) {
        return ready.group(group);
    }

    /** Ends the process by SIGKILL, like a crash. */
    void kill() {
        child.destroyForcibly();
        awaitEnd();
    }

    /** Ends the process by SIGTERM, like Kubernetes, and waits for its end. */
    void stop() {
        child.destroy();
        awaitEnd();
    }

    private void awaitEnd() {
        try {
            if (!shell.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("The process did not end within " + TIMEOUT_SECONDS + " s.");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        kill();
    }
}
