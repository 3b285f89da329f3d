package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs the clients of examples/clients with the programs of this machine, against servers that limit them. */
class ObeyingClientsTest {

    private static final Path CLIENTS = Path.of("..", "examples", "clients");

    /** Returns the statuses that a client has received. */
    private static List<Integer> run(String program, String client, String url, int calls) throws Exception {
        assumeTrue(isInstalled(program), () -> program + " is not installed; its client is NOT TESTED.");
        Process process = new ProcessBuilder(program, CLIENTS.resolve(client).toString(), url, Integer.toString(calls))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), output);
        assertEquals(0, process.exitValue(), output);
        return Arrays.stream(output.strip().split(" ")).map(Integer::valueOf).toList();
    }

    private static boolean isInstalled(String program) throws InterruptedException {
        try {
            return new ProcessBuilder(program, "--version").start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource({"python3, obeying_client.py", "node, obeying-client.mjs"})
    void clientOfThisLibraryIsServedAndHardlyDenied(String program, String client) throws Exception {
        try (EmbeddedServer server = ApplicationContext.run(
                EmbeddedServer.class,
                Map.of(
                        "spec",
                        "ObeyingClientsTest",
                        "micronaut.server.port",
                        -1,
                        "redis.enabled",
                        "false",
                        "ratelimit.backend",
                        "real"),
                "guide")) {
            List<Integer> statuses = run(program, client, server.getURL() + "/obeyed", 5);
            assertEquals(5, Collections.frequency(statuses, 200), statuses::toString);
            assertTrue(Collections.frequency(statuses, 429) <= 1, statuses::toString);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "python3, obeying_client.py, 1",
        "node, obeying-client.mjs, 1",
        "python3, obeying_client.py, soon",
        "node, obeying-client.mjs, soon"
    })
    void deniedClientWaitsAndUnreadableHeadersDoNotFailIt(String program, String client, String retryAfter)
            throws Exception {
        AtomicInteger calls = new AtomicInteger();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        long[] denied = {0};
        long[] served = {0};
        server.createContext("/", exchange -> {
            try (exchange) {
                boolean first = calls.incrementAndGet() == 1;
                (first ? denied : served)[0] = System.nanoTime();
                if (first) {
                    exchange.getResponseHeaders().set("Retry-After", retryAfter);
                }
                exchange.getResponseHeaders().set("RateLimit", first ? "\"a;b\";r=0;t=1" : ";;,,\"");
                exchange.sendResponseHeaders(first ? 429 : 200, -1);
            }
        });
        server.start();
        try {
            String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
            assertEquals(List.of(429, 200), run(program, client, url, 1));
            assertTrue(served[0] - denied[0] >= 990_000_000L, () -> served[0] - denied[0] + " ns");
        } finally {
            server.stop(0);
        }
    }

    /** A backend whose time passes by itself. */
    @Factory
    @Requires(property = "spec", value = "ObeyingClientsTest")
    static class Backend {

        @Singleton
        @Named("real")
        @Bean(preDestroy = "close", typed = RateLimitBackend.class)
        MemoryBackend backend() {
            return new MemoryBackend(MicroClock.system(), 100);
        }
    }

    /** Grants a permit each half second. */
    @Controller("/obeyed")
    @Requires(property = "spec", value = "ObeyingClientsTest")
    static class Limited {

        @Get
        @RateLimit("2/s burst 1")
        String call() {
            return "called";
        }
    }
}
