package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several processes share one limit. */
@NeedsRedis
class SeveralProcessesTest {

    private static final int PROCESSES = 4;
    private static final int LIMIT = 100;
    /** The concurrent requests of a round, over all processes. */
    private static final int[] REQUESTS = {150, 400, 1_000, 4_000, 10_000};

    private static final int ROUNDS = 20;

    private final String namespace = "processes-" + UUID.randomUUID();
    private final List<Process> processes = new ArrayList<>();

    @AfterEach
    void deleteKeys() {
        Redis.server().keys(namespace + ":*").forEach(Redis.server()::del);
    }

    @Test
    @Timeout(value = 5, unit = TimeUnit.MINUTES)
    void fourProcessesGrantExactlyTheLimitInEachOfTwentyRounds() throws IOException, InterruptedException {
        List<Long> granted = new ArrayList<>();
        try {
            for (int i = 0; i < PROCESSES; i++) {
                processes.add(start());
            }
            for (int round = 0; round < ROUNDS; round++) {
                granted.add(granted("round-" + round + " " + REQUESTS[round % REQUESTS.length] / PROCESSES));
            }
        } finally {
            for (Process process : processes) {
                process.destroyForcibly().waitFor();
            }
        }
        assertEquals(Collections.nCopies(ROUNDS, (long) LIMIT), granted);
    }

    /** The process ends with this one, because its input ends. */
    private Process start() throws IOException {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-cp",
                        classPath,
                        Caller.class.getName(),
                        RedisServer.uri(),
                        namespace,
                        LIMIT + "/366day")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private long granted(String order) throws IOException {
        for (Process process : processes) {
            PrintStream out = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
            out.println(order);
        }
        long granted = 0;
        for (Process process : processes) {
            granted += answer(process.inputReader(StandardCharsets.UTF_8));
        }
        return granted;
    }

    private static long answer(BufferedReader in) throws IOException {
        String line = in.readLine();
        while (line != null && !line.startsWith("granted ")) {
            line = in.readLine();
        }
        if (line == null) {
            throw new AssertionError("A process ended early.");
        }
        return Long.parseLong(line.substring("granted ".length()));
    }
}
