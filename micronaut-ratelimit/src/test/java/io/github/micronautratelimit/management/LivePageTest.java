package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.Policies;
import io.micronaut.context.annotation.Property;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;

/** The page's parts and its events, as a browser gets them. */
@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.dashboard.enabled", value = "true")
@Property(name = "endpoints.ratelimit-dashboard.sensitive", value = "false")
@Property(name = "ratelimit.policies.orders.limits", value = "10/min")
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
    Policies policies;

    @Inject
    LiveFeed feed;

    @Test
    void thePageIsItsOwnPartsAndNothingElse() {
        for (String path : List.of(PAGE, PAGE + "/")) {
            HttpResponse<String> page = client.toBlocking().exchange(path, String.class);
            String document = page.body();
            assertTrue(page.header("Content-Security-Policy").startsWith("default-src 'none'; script-src 'self'; "));
            assertFalse(page.header("Content-Security-Policy").contains("unsafe"));
            assertEquals("nosniff", page.header("X-Content-Type-Options"));
            assertTrue(page.getContentType().orElseThrow().toString().startsWith("text/html"));
            assertFalse(document.contains("{base}") || document.contains("//") || document.contains("style="), document);
            URI here = URI.create("http://host" + path);
            assertTrue(document.contains("src=\""));
            List<String> parts = new ArrayList<>();
            java.util.regex.Pattern.compile("(?:src|href)=\"([^\"]+)\"").matcher(document).results()
                    .forEach(part -> parts.add(here.resolve(part.group(1)).getPath()));
            assertEquals(List.of(PAGE + "/icon.svg", PAGE + "/page.css", PAGE + "/page.js"), parts);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"page.css text/css", "page.js text/javascript", "chart.js text/javascript", "icon.svg image/svg+xml"})
    void partsComeWithTheirType(String part) {
        HttpResponse<String> answer = client.toBlocking().exchange(PAGE + "/" + part.split(" ")[0], String.class);
        assertTrue(answer.getContentType().orElseThrow().toString().startsWith(part.split(" ")[1]));
        assertTrue(answer.body().length() > 100);
        assertFalse(answer.body().contains("innerHTML"), "whatever is shown is text");
    }

    @ParameterizedTest
    @ValueSource(strings = {"page.html", "page", "..%2fpage.html", "%2e%2e", "LiveFeed.class"})
    void otherPartsThereAreNone(String part) {
        HttpStatus status = HttpStatus.OK;
        try {
            client.toBlocking().exchange(PAGE + "/" + part);
        } catch (HttpClientResponseException e) {
            status = e.getStatus();
        }
        assertEquals(HttpStatus.NOT_FOUND, status);
    }

    @Test
    void eachSecondTellsWhatWasDecided() throws IOException {
        try (Viewer viewer = new Viewer()) {
            assertTrue(viewer.head().contains("text/event-stream"), viewer.head());
            String state = viewer.next("state");
            assertTrue(state.contains("\"orders\":{\"limits\":[\"10/min\"]"), state);
            Policy orders = policies.get("orders");
            IntStream.range(0, 14).forEach(i -> limiter.acquire(orders, "mallory@example.com"));
            viewer.until("\"orders\":[10,4]");
            String second = viewer.until("\"nearLimit\":[{");
            assertTrue(second.contains("\"topBlocked\":[{\"policy\":\"orders\",\"keyHash\":\""
                    + KeyHash.of("mallory@example.com") + "\""), second);
            assertFalse(second.contains("mallory"), second);
        }
    }

    @Test
    void whoComesLaterSeesWhatWasBefore() throws IOException {
        limiter.acquire(policies.get("orders"), "alice");
        try (Viewer first = new Viewer()) {
            first.until("\"orders\":[1,0]");
        }
        try (Viewer second = new Viewer()) {
            assertTrue(second.next("state").contains("\"orders\":[1,0]"));
        }
    }

    @Test
    void aClosedBrowserFreesItsPlaceAndTooManyAreToldSo() throws IOException {
        List<Viewer> viewers = new ArrayList<>();
        try {
            for (int i = 0; i < LiveFeed.MOST_VIEWERS; i++) {
                viewers.add(new Viewer());
                viewers.get(i).next("state");
            }
            assertEquals(LiveFeed.MOST_VIEWERS, feed.viewers());
            try (Viewer oneMore = new Viewer()) {
                assertTrue(oneMore.next("full").contains("\"viewers\":" + LiveFeed.MOST_VIEWERS));
            }
            viewers.remove(0).close();
            await(() -> feed.viewers() == LiveFeed.MOST_VIEWERS - 1);
            try (Viewer again = new Viewer()) {
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
            assertTrue(System.nanoTime() < end, "it does not come");
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
        }
    }

    /** A browser, as seen from here: a connection that stays open and is read line by line. */
    private final class Viewer implements Closeable {

        private final Socket socket;
        private final BufferedReader lines;
        private final StringBuilder head = new StringBuilder();

        Viewer() throws IOException {
            socket = new Socket("127.0.0.1", server.getPort());
            socket.setSoTimeout(TIMEOUT_MILLIS);
            socket.getOutputStream().write(("GET " + PAGE + "/events HTTP/1.1\r\nHost: localhost\r\n"
                    + "Accept: text/event-stream\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            for (String line = line(); !line.isEmpty(); line = line()) {
                head.append(line).append('\n');
            }
        }

        String head() {
            return head.toString();
        }

        private String line() throws IOException {
            String line = lines.readLine();
            assertTrue(line != null, "the stream has ended");
            return line;
        }

        /** The data of the next event of that name. */
        String next(String event) throws IOException {
            String line = line();
            while (!line.equals("event: " + event)) {
                line = line();
            }
            while (!line.startsWith("data: ")) {
                line = line();
            }
            return line;
        }

        /** The data of the next second, of a dozen, that holds a text. */
        String until(String text) throws IOException {
            String second = next("second");
            for (int i = 0; i < 12 && !second.contains(text); i++) {
                second = next("second");
            }
            assertTrue(second.contains(text), second);
            return second;
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }
}
