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

/** A process that ends with this one, however this one ends: a shell between them kills it when the pipe is closed. */
final class Child implements AutoCloseable {

    /** No machine is that slow. */
    private static final int PATIENCE_SECONDS = 120;
    private static final Pattern PID = Pattern.compile("pid (\\d+)");
    private static final String SHELL = """
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

    /** Starts a command, and returns when it has printed what says that it is ready. */
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
                throw new AssertionError("sh does not run.");
            }
            ProcessHandle child = ProcessHandle.of(Long.parseLong(pid.group(1))).orElse(shell.toHandle());
            return new Child(shell, child, await(ready, output));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static MatchResult await(Pattern ready, BufferedReader output) {
        CompletableFuture<MatchResult> found = new CompletableFuture<>();
        StringBuffer said = new StringBuffer();
        Thread reader = new Thread(() -> {
            output.lines().forEach(line -> {
                Matcher matcher = ready.matcher(line);
                if (!found.isDone()) {
                    said.append(line).append('\n');
                    if (matcher.find()) {
                        found.complete(matcher.toMatchResult());
                    }
                }
            });
            found.completeExceptionally(new IllegalStateException("It has ended."));
        });
        reader.setDaemon(true);
        reader.start();
        return found.orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS).exceptionally(failure -> {
            throw new AssertionError("A process did not start:\n" + said, failure);
        }).join();
    }

    /** A part of what said that it is ready. */
    String ready(int group) {
        return ready.group(group);
    }

    /** Ends it as a crash would: SIGKILL. */
    void kill() {
        child.destroyForcibly();
        awaitEnd();
    }

    /** Asks it to end, as Kubernetes does: SIGTERM. Returns when it has. */
    void stop() {
        child.destroy();
        awaitEnd();
    }

    private void awaitEnd() {
        try {
            if (!shell.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("A process did not end.");
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
