package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.annotation.Controller;
import io.micronaut.http.annotation.Get;
import io.micronaut.runtime.server.EmbeddedServer;
import io.netty.util.ResourceLeakDetector;

/** Many requests, granted and denied, at once and on few connections, leave no thread, no buffer and no key behind. */
class LoadTest {

    private static final int AT_ONCE = 40;
    private static final int REQUESTS = 4_000;
    private static final int ENOUGH_SECONDS = 60;

    /** More than event loops and what other tests have left behind may start; far fewer than one for every request. */
    private static final int FEW_THREADS = 100;

    /**
     * The client's threads have a name here, and its callers wait. Where there are one or two processors its own way of not
     * waiting starts a nameless thread for every answer, among which one of the server's would not be seen.
     */
    private static final String OURS = "load-";

    private final ExecutorService callers = threads(AT_ONCE);
    private final ExecutorService clients = threads(4);

    @AfterEach
    void stop() {
        callers.shutdownNow();
        clients.shutdownNow();
    }

    @ParameterizedTest
    @EnumSource(HttpClient.Version.class)
    void manyRequestsLeaveNothingBehind(HttpClient.Version version) throws Exception {
        ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        try (Log log = new Log(); EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, Map.of(
                "spec", "LoadTest", "micronaut.server.port", -1,
                "micronaut.server.http-version", version == HttpClient.Version.HTTP_2 ? "2.0" : "1.1"), "test")) {
            HttpClient client = HttpClient.newBuilder().version(version).executor(clients).build();
            URI uri = server.getURI();
            assertEquals(version, call(client, uri.resolve("/granted")).version());
            load(client, uri, REQUESTS / 10);
            Set<Thread> warm = living();
            long startedBefore = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();

            assertEquals(Map.of(200, REQUESTS / 2L, 429, REQUESTS / 2L), load(client, uri, REQUESTS));

            long started = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount() - startedBefore;
            assertTrue(started < FEW_THREADS, started + " threads were started for " + REQUESTS + " requests");
            assertNoneStays(warm);
            assertEquals(2, server.getApplicationContext().getBean(MemoryBackend.class).liveKeys());
            System.gc();
            load(client, uri, AT_ONCE);
            assertEquals(List.of(), log.startingWith("LEAK"));
        } finally {
            ResourceLeakDetector.setLevel(before);
        }
    }

    /** So many requests to both endpoints in turn, many at once; the number of answers by status. */
    private Map<Integer, Long> load(HttpClient client, URI uri, int requests) throws Exception {
        List<Future<HttpResponse<Void>>> calls = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            URI endpoint = uri.resolve(i % 2 == 0 ? "/granted" : "/denied");
            calls.add(callers.submit(() -> call(client, endpoint)));
        }
        Map<Integer, Long> answers = new HashMap<>();
        for (Future<HttpResponse<Void>> call : calls) {
            answers.merge(call.get(ENOUGH_SECONDS, TimeUnit.SECONDS).statusCode(), 1L, Long::sum);
        }
        return answers;
    }

    private static HttpResponse<Void> call(HttpClient client, URI uri) throws Exception {
        return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
    }

    /** Waits for threads that end by themselves: those that may stay belong to pools with as many as there are processors. */
    private static void assertNoneStays(Set<Thread> before) throws InterruptedException {
        for (Thread thread : living()) {
            String name = thread.getName();
            if (!before.contains(thread) && !name.contains("eventLoop") && !name.startsWith("ForkJoinPool.commonPool")) {
                thread.join(TimeUnit.SECONDS.toMillis(ENOUGH_SECONDS));
                assertFalse(thread.isAlive(), () -> thread + " stays: " + List.of(thread.getStackTrace()));
            }
        }
    }

    private static Set<Thread> living() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> !thread.getName().startsWith(OURS)).collect(Collectors.toSet());
    }

    private static ExecutorService threads(int number) {
        AtomicInteger next = new AtomicInteger();
        return Executors.newFixedThreadPool(number, work -> new Thread(work, OURS + next.incrementAndGet()));
    }

    @Controller
    @Requires(property = "spec", value = "LoadTest")
    static class Routes {

        @Get("/granted")
        @RateLimit(value = "1000000/day", policy = "wide")
        String granted() {
            return "ok";
        }

        @Get("/denied")
        @RateLimit(value = "1/day", policy = "narrow")
        String denied() {
            return "ok";
        }
    }
}
