package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.micronaut.context.annotation.Property;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files and the events of the live page, as a browser receives them. */
@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.dashboard.enabled", value = "true")
@Property(name = "endpoints.ratelimit-dashboard.sensitive", value = "false")
@Property(name = "ratelimit.policies.orders.limits", value = "10/min")
@Property(name = "ratelimit.policies.orders.overrides[0].key", value = "vip")
@Property(name = "ratelimit.policies.orders.overrides[0].limits", value = "20/min")
@Property(name = "ratelimit.policies.slow.limits", value = "10/day")
@Property(name = "ratelimit.secret", value = "a secret of some length")
class LivePageTest {

    private static final String PAGE = "/ratelimit-dashboard";
    private static final int TIMEOUT_MILLIS = 20_000;

    @Inject
    EmbeddedServer server;

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    RateLimiter limiter;

    @Inject
    PolicyRegistry policies;

    @Inject
    LiveFeed feed;

    @Test
    void thePageLoadsOnlyItsOwnFiles() {
        for (String path : List.of(PAGE, PAGE + "/")) {
            HttpResponse<String> page = client.toBlocking().exchange(path, String.class);
            String document = page.body();
            assertTrue(page.header("Content-Security-Policy").startsWith("default-src 'none'; script-src 'self'; "));
            assertFalse(page.header("Content-Security-Policy").contains("unsafe"));
            assertEquals("nosniff", page.header("X-Content-Type-Options"));
            assertTrue(page.getContentType().orElseThrow().toString().startsWith("text/html"));
            assertFalse(
                    document.contains("{base}") || document.contains("//") || document.contains("style="), document);
            URI base = URI.create("http://host" + path);
            assertTrue(document.contains("src=\""));
            List<String> files = new ArrayList<>();
            java.util.regex.Pattern.compile("(?:src|href)=\"([^\"]+)\"")
                    .matcher(document)
                    .results()
                    .forEach(link -> files.add(base.resolve(link.group(1)).getPath()));
            assertEquals(List.of(PAGE + "/icon.svg", PAGE + "/page.css", PAGE + "/page.js"), files);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "page.css text/css",
                "page.js text/javascript",
                "chart.js text/javascript",
                "icon.svg image/svg+xml"
            })
    void filesHaveTheirContentType(String file) {
        HttpResponse<String> response = client.toBlocking().exchange(PAGE + "/" + file.split(" ")[0], String.class);
        assertTrue(response.getContentType().orElseThrow().toString().startsWith(file.split(" ")[1]));
        assertTrue(response.body().length() > 100);
        assertFalse(response.body().contains("innerHTML"), "data is inserted as text only");
    }

    @ParameterizedTest
    @ValueSource(strings = {"page.html", "page", "..%2fpage.html", "%2e%2e", "LiveFeed.class"})
    void otherFilesAreNotFound(String file) {
        HttpStatus status = HttpStatus.OK;
        try {
            client.toBlocking().exchange(PAGE + "/" + file);
        } catch (HttpClientResponseException e) {
            status = e.getStatus();
        }
        assertEquals(HttpStatus.NOT_FOUND, status);
    }

    @Test
    void eachSecondContainsItsDecisions() throws IOException {
        try (Viewer viewer = new Viewer(server.getPort())) {
            assertTrue(viewer.head().contains("text/event-stream"), viewer.head());
            String state = viewer.next("state");
            assertTrue(state.contains("\"orders\":{\"limits\":[\"10/min\"]"), state);
            Policy orders = policies.get("orders");
            IntStream.range(0, 14).forEach(i -> limiter.tryAcquire(orders, "mallory@example.com"));
            viewer.until("\"orders\":[10,4]");
            String second = viewer.until("\"nearLimit\":[{");
            assertTrue(
                    second.contains("\"topDenied\":[{\"policy\":\"orders\",\"keyHash\":\""
                            + limiter.keyHash("mallory@example.com") + "\""),
                    second);
            assertFalse(second.contains("mallory"), second);
        }
    }

    @Test
    void keyInDebtIsMarked() throws IOException {
        try (Viewer viewer = new Viewer(server.getPort())) {
            viewer.next("state");
            Policy slow = policies.get("slow");
            limiter.async()
                    .reserve(slow, "erin", 10)
                    .thenCompose(reservation -> reservation.settle(17))
                    .toCompletableFuture()
                    .join();
            assertFalse(limiter.tryAcquire(slow, "erin").allowed());
            assertFalse(limiter.tryAcquire(slow, "erin").allowed());
            String second = viewer.until("\"debt\":7");
            assertTrue(second.contains(limiter.keyHash("erin")), second);
            assertFalse(second.contains("erin"), second);
        }
    }

    @Test
    void aLaterViewerReceivesTheHistory() throws IOException {
        limiter.tryAcquire(policies.get("orders"), "alice");
        try (Viewer first = new Viewer(server.getPort())) {
            first.until("\"orders\":[1,0]");
        }
        try (Viewer second = new Viewer(server.getPort())) {
            assertTrue(second.next("state").contains("\"orders\":[1,0]"));
        }
    }

    @Test
    void theNumberOfViewersIsBoundedAndAClosedBrowserDoesNotCount() throws IOException {
        List<Viewer> viewers = new ArrayList<>();
        try {
            for (int i = 0; i < LiveFeed.MAX_VIEWERS; i++) {
                viewers.add(new Viewer(server.getPort()));
                viewers.get(i).next("state");
            }
            assertEquals(LiveFeed.MAX_VIEWERS, feed.viewers());
            try (Viewer oneMore = new Viewer(server.getPort())) {
                assertTrue(oneMore.next("full").contains("\"viewers\":" + LiveFeed.MAX_VIEWERS));
            }
            viewers.remove(0).close();
            await(() -> feed.viewers() == LiveFeed.MAX_VIEWERS - 1);
            try (Viewer again = new Viewer(server.getPort())) {
                again.next("state");
            }
        } finally {
            for (Viewer viewer : viewers) {
                viewer.close();
            }
        }
        await(() -> feed.viewers() == 0);
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofMillis(TIMEOUT_MILLIS).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "timed out");
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
        }
    }
}
