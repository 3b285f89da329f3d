package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@MicronautTest(rebuildContext = true)
class QuickstartTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    VirtualClock clock;

    @Test
    void helloIsGrantedFiveTimesAndAgainAfterTwoSeconds() {
        assertEquals(
                List.of(
                        "200 remaining 4",
                        "200 remaining 3",
                        "200 remaining 2",
                        "200 remaining 1",
                        "200 remaining 0",
                        "429 retry 2"),
                responses(6, hello()));

        clock.advance(Duration.ofSeconds(2));
        assertEquals(List.of("200 remaining 0", "429 retry 2"), responses(2, hello()));
    }

    @Test
    void everyApiKeyHasASeparateOrderLimit() {
        assertEquals(
                List.of("201 remaining 2", "201 remaining 1", "201 remaining 0", "429 retry 2"),
                responses(4, order("alice")));
        assertEquals(List.of("201 remaining 2"), responses(1, order("bob")));
    }

    @Test
    void atMostTwentyOrdersPassInAMinute() {
        for (int i = 0; i < 6; i++) {
            assertEquals(List.of("201", "201", "201"), statuses(3, order("alice")), "round " + i);
            clock.advance(Duration.ofSeconds(5));
        }
        assertEquals(List.of("201 remaining 1", "201 remaining 0", "429 retry 31"), responses(3, order("alice")));
    }

    @Test
    void thirdMailToARecipientIsRejectedLikeARequestToALimitedRoute() {
        assertEquals(List.of("202 remaining 1", "202 remaining 0", "429 retry 5"), responses(3, mail("ann")));
        assertEquals(List.of("202 remaining 1"), responses(1, mail("ben")));
        assertEquals(List.of("400"), statuses(1, mail("")));
    }

    @Test
    void statusShowsRemainingPermitsAndCostsNone() {
        responses(5, hello());
        responses(1, order("alice"));
        clock.advance(Duration.ofMillis(500));

        for (int i = 0; i < 10; i++) {
            assertEquals(
                    Map.of(
                            "hello", new PolicyStatus(List.of("5/10s"), 5, 0, 1_500_000, List.of("5/10s")),
                            "orders",
                                    new PolicyStatus(
                                            List.of("3/5s", "20/min sliding"), 3, 2, 1_166_667, List.of("3/5s")),
                            "mails", new PolicyStatus(List.of("2/10s"), 2, 2, -1, List.of("2/10s"))),
                    status("alice", "ann"));
        }
        assertEquals(3, status("bob", "ann").get("orders").remaining());
    }

    @Test
    void prometheusEndpointReportsDecisions() {
        responses(7, hello());
        responses(3, mail("ann"));

        String metrics = client.toBlocking().retrieve("/prometheus");
        assertEquals(List.of("allowed 5.0", "denied 2.0"), samples(metrics, "hello", "http"));
        assertEquals(List.of("allowed 2.0", "denied 1.0"), samples(metrics, "mails", "method"));
    }

    /** Returns outcomes and counts of the decisions under a policy. */
    private static List<String> samples(String metrics, String policy, String origin) {
        return metrics.lines()
                .filter(line -> line.startsWith("ratelimit_decisions_total{origin=\"" + origin + "\"")
                        && line.contains("policy=\"" + policy + "\""))
                .map(line -> line.replaceAll(".*outcome=\"(\\w+)\".* ", "$1 "))
                .sorted()
                .toList();
    }

    @ParameterizedTest
    @CsvSource({
        "/, text/html, Rate limit demo",
        "/app.js, application/javascript, /api/status",
        "/style.css, text/css, prefers-color-scheme: dark"
    })
    void pageIsServed(String path, String type, String text) {
        HttpResponse<String> response = client.toBlocking().exchange(HttpRequest.GET(path), String.class);

        assertEquals(type, response.getContentType().orElseThrow().getName());
        assertTrue(response.body().contains(text), response.body());
    }

    private static HttpRequest<?> hello() {
        return HttpRequest.GET("/api/hello");
    }

    private static HttpRequest<?> order(String apiKey) {
        return HttpRequest.POST("/api/orders", "").header("X-Api-Key", apiKey);
    }

    private static HttpRequest<?> mail(String recipient) {
        return HttpRequest.POST("/api/mails?to=" + recipient, "");
    }

    private Map<String, PolicyStatus> status(String apiKey, String recipient) {
        return client.toBlocking()
                .retrieve(
                        HttpRequest.GET("/api/status?to=" + recipient).header("X-Api-Key", apiKey),
                        Argument.mapOf(String.class, PolicyStatus.class));
    }

    private List<String> statuses(int times, HttpRequest<?> request) {
        return responses(times, request).stream()
                .map(response -> response.substring(0, 3))
                .toList();
    }

    private List<String> responses(int times, HttpRequest<?> request) {
        return IntStream.range(0, times).mapToObj(i -> response(request)).toList();
    }

    private String response(HttpRequest<?> request) {
        try {
            HttpResponse<ApiResponse> granted = client.toBlocking().exchange(request, ApiResponse.class);
            return granted.code() + " remaining " + granted.body().remaining();
        } catch (HttpClientResponseException e) {
            return e.getStatus().getCode() + " retry " + e.getResponse().header(HttpHeaders.RETRY_AFTER);
        }
    }
}
