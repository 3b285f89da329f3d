package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import io.netty.util.ResourceLeakDetector;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Concurrent allowed and denied requests on few connections leak no threads, buffers or keys. */
class LoadTest {

    private static final int CONCURRENCY = 40;
    private static final int REQUESTS = 4_000;
    private static final int TIMEOUT_SECONDS = 60;

    /** More threads than event loops and earlier tests may start; far fewer than one per request. */
    private static final int MAX_THREADS = 100;

    /**
     * Names the threads of the client, whose callers block. On one or two processors, its asynchronous calls would
     * start an unnamed thread per response, which would hide a leaked thread of the server.
     */
    private static final String PREFIX = "load-";

    private final ExecutorService callers = threads(CONCURRENCY);
    private final ExecutorService clients = threads(4);

    @AfterEach
    void stop() {
        callers.shutdownNow();
        clients.shutdownNow();
    }

    @ParameterizedTest
    @EnumSource(HttpClient.Version.class)
    void loadLeaksNothing(HttpClient.Version version) throws Exception {
        ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        try (Log log = new Log();
                EmbeddedServer server = ApplicationContext.run(
                        EmbeddedServer.class,
                        Map.of(
                                "spec",
                                "LoadTest",
                                "micronaut.server.port",
                                -1,
                                "micronaut.server.http-version",
                                version == HttpClient.Version.HTTP_2 ? "2.0" : "1.1"),
                        "test")) {
            HttpClient client =
                    HttpClient.newBuilder().version(version).executor(clients).build();
            URI uri = server.getURI();
            assertEquals(version, call(client, uri.resolve("/allowed")).version());
            load(client, uri, REQUESTS / 10);
            Set<Thread> warm = living();
            long startedBefore = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();

            assertEquals(Map.of(200, REQUESTS / 2L, 429, REQUESTS / 2L), load(client, uri, REQUESTS));

            long started = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount() - startedBefore;
            assertTrue(started < MAX_THREADS, started + " threads were started for " + REQUESTS + " requests");
            assertNoNewThreads(warm);
            assertEquals(
                    2,
                    server.getApplicationContext().getBean(MemoryBackend.class).liveKeys());
            System.gc();
            load(client, uri, CONCURRENCY);
            assertEquals(List.of(), log.startingWith("LEAK"));
        } finally {
            ResourceLeakDetector.setLevel(before);
        }
    }

    /** Sends concurrent requests to both endpoints in turn; returns the number of responses by status. */
    private Map<Integer, Long> load(HttpClient client, URI uri, int requests) throws Exception {
        List<Future<HttpResponse<Void>>> calls = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            URI endpoint = uri.resolve(i % 2 == 0 ? "/allowed" : "/denied");
            calls.add(callers.submit(() -> call(client, endpoint)));
        }
        Map<Integer, Long> responses = new HashMap<>();
        for (Future<HttpResponse<Void>> call : calls) {
            responses.merge(call.get(TIMEOUT_SECONDS, TimeUnit.SECONDS).statusCode(), 1L, Long::sum);
        }
        return responses;
    }

    private static HttpResponse<Void> call(HttpClient client, URI uri) throws Exception {
        return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
    }

    /** Waits for new threads to end, except those of pools whose size is the number of processors. */
    private static void assertNoNewThreads(Set<Thread> before) throws InterruptedException {
        for (Thread thread : living()) {
            String name = thread.getName();
            if (!before.contains(thread)
                    && !name.contains("eventLoop")
                    && !name.startsWith("ForkJoinPool.commonPool")) {
                thread.join(TimeUnit.SECONDS.toMillis(TIMEOUT_SECONDS));
                assertFalse(thread.isAlive(), () -> thread + " has not ended: " + List.of(thread.getStackTrace()));
            }
        }
    }

    private static Set<Thread> living() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !thread.getName().startsWith(PREFIX))
                .collect(Collectors.toSet());
    }

    private static ExecutorService threads(int number) {
        AtomicInteger next = new AtomicInteger();
        return Executors.newFixedThreadPool(number, work -> new Thread(work, PREFIX + next.incrementAndGet()));
    }

    @Controller
    @Requires(property = "spec", value = "LoadTest")
    static class Routes {

        @Get("/allowed")
        @RateLimit(value = "1000000/day", policy = "wide")
        String allowed() {
            return "ok";
        }

        @Get("/denied")
        @RateLimit(value = "1/day", policy = "narrow")
        String denied() {
            return "ok";
        }
    }
}
