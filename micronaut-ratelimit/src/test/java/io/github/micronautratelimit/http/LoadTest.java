package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

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
    private static final int ENOUGH_SECONDS = 60;

    @ParameterizedTest
    @EnumSource(HttpClient.Version.class)
    void manyRequestsLeaveNothingBehind(HttpClient.Version version) throws Exception {
        ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        try (Log log = new Log(); EmbeddedServer server = ApplicationContext.run(EmbeddedServer.class, Map.of(
                "spec", "LoadTest", "micronaut.server.port", -1,
                "micronaut.server.http-version", version == HttpClient.Version.HTTP_2 ? "2.0" : "1.1"), "test")) {
            HttpClient client = HttpClient.newBuilder().version(version).build();
            URI uri = server.getURI();
            assertEquals(version, call(client, uri.resolve("/granted")).get(ENOUGH_SECONDS, TimeUnit.SECONDS).version());
            load(client, uri, 10);
            Set<String> warm = serverThreads();

            assertEquals(Map.of(200, 2_000L, 429, 2_000L), load(client, uri, 100));

            Set<String> after = serverThreads();
            after.removeAll(warm);
            assertTrue(after.stream().allMatch(name -> name.contains("eventLoop")), "no threads but event loops: " + after);
            assertEquals(2, server.getApplicationContext().getBean(MemoryBackend.class).liveKeys());
            System.gc();
            load(client, uri, 1);
            assertEquals(List.of(), log.startingWith("LEAK"));
        } finally {
            ResourceLeakDetector.setLevel(before);
        }
    }

    /** So many rounds of both endpoints, each with many requests at once; the number of answers by status. */
    private static Map<Integer, Long> load(HttpClient client, URI uri, int rounds) throws Exception {
        List<HttpResponse<Void>> answers = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            List<CompletableFuture<HttpResponse<Void>>> calls = new ArrayList<>();
            for (int i = 0; i < AT_ONCE; i++) {
                calls.add(call(client, uri.resolve(i % 2 == 0 ? "/granted" : "/denied")));
            }
            for (CompletableFuture<HttpResponse<Void>> call : calls) {
                answers.add(call.get(ENOUGH_SECONDS, TimeUnit.SECONDS));
            }
        }
        return answers.stream().collect(Collectors.groupingBy(HttpResponse::statusCode, Collectors.counting()));
    }

    private static CompletableFuture<HttpResponse<Void>> call(HttpClient client, URI uri) {
        return client.sendAsync(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.discarding());
    }

    private static Set<String> serverThreads() {
        return Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                .filter(name -> !name.startsWith("HttpClient") && !name.startsWith("Thread-")).collect(Collectors.toSet());
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
