package io.github.micronautratelimit.examples.quickstart;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

@MicronautTest(rebuildContext = true)
class QuickstartTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    VirtualClock clock;

    @Test
    void helloIsGrantedFiveTimesAndAgainTwoSecondsLater() {
        assertEquals(List.of("200 left 4", "200 left 3", "200 left 2", "200 left 1", "200 left 0", "429 retry 2"),
                answers(6, hello()));

        clock.advance(Duration.ofSeconds(2));
        assertEquals(List.of("200 left 0", "429 retry 2"), answers(2, hello()));
    }

    @Test
    void everyApiKeyHasOrdersOfItsOwn() {
        assertEquals(List.of("201 left 2", "201 left 1", "201 left 0", "429 retry 2"), answers(4, order("alice")));
        assertEquals(List.of("201 left 2"), answers(1, order("bob")));
    }

    @Test
    void noMoreThanTwentyOrdersPassInAnyMinute() {
        for (int i = 0; i < 6; i++) {
            assertEquals(List.of("201", "201", "201"), statuses(3, order("alice")), "round " + i);
            clock.advance(Duration.ofSeconds(5));
        }
        assertEquals(List.of("201 left 1", "201 left 0", "429 retry 31"), answers(3, order("alice")));
    }

    @Test
    void everyRecipientGetsTwoMailsAndTheThirdIsAnsweredLikeALimitedRoute() {
        assertEquals(List.of("202 left 1", "202 left 0", "429 retry 5"), answers(3, mail("ann")));
        assertEquals(List.of("202 left 1"), answers(1, mail("ben")));
        assertEquals(List.of("400"), statuses(1, mail("")));
    }

    @Test
    void standingsTellWhatIsLeftAndCostNothing() {
        answers(5, hello());
        answers(1, order("alice"));
        clock.advance(Duration.ofMillis(500));

        for (int i = 0; i < 10; i++) {
            assertEquals(Map.of(
                    "hello", new Standing(List.of("5/10s"), 5, 0, 1_500_000, List.of("5/10s")),
                    "orders", new Standing(List.of("3/5s", "20/min sliding"), 3, 2, 1_166_667, List.of("3/5s")),
                    "mails", new Standing(List.of("2/10s"), 2, 2, -1, List.of("2/10s"))), standings("alice", "ann"));
        }
        assertEquals(3, standings("bob", "ann").get("orders").left());
    }

    @Test
    void whatWasDecidedIsShownToPrometheus() {
        answers(7, hello());
        answers(3, mail("ann"));

        String shown = client.toBlocking().retrieve("/prometheus");
        assertEquals(List.of("allowed 5.0", "denied 2.0"), samples(shown, "hello", "http"));
        assertEquals(List.of("allowed 2.0", "denied 1.0"), samples(shown, "mails", "method"));
    }

    /** Outcomes and counts of the decisions under a policy. */
    private static List<String> samples(String shown, String policy, String type) {
        return shown.lines()
                .filter(line -> line.startsWith("ratelimit_decisions_total{limit_type=\"" + type + "\"")
                        && line.contains("policy=\"" + policy + "\""))
                .map(line -> line.replaceAll(".*outcome=\"(\\w+)\".* ", "$1 ")).sorted().toList();
    }

    @ParameterizedTest
    @CsvSource({"/, text/html, Rate limits at work", "/app.js, application/javascript, /api/standings",
            "/style.css, text/css, prefers-color-scheme: dark"})
    void thePageIsServed(String path, String type, String text) {
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

    private Map<String, Standing> standings(String apiKey, String recipient) {
        return client.toBlocking().retrieve(
                HttpRequest.GET("/api/standings?to=" + recipient).header("X-Api-Key", apiKey),
                Argument.mapOf(String.class, Standing.class));
    }

    private List<String> statuses(int times, HttpRequest<?> request) {
        return answers(times, request).stream().map(answer -> answer.substring(0, 3)).toList();
    }

    private List<String> answers(int times, HttpRequest<?> request) {
        return IntStream.range(0, times).mapToObj(i -> answer(request)).toList();
    }

    private String answer(HttpRequest<?> request) {
        try {
            HttpResponse<Answer> granted = client.toBlocking().exchange(request, Answer.class);
            return granted.code() + " left " + granted.body().left();
        } catch (HttpClientResponseException e) {
            return e.getStatus().getCode() + " retry " + e.getResponse().header(HttpHeaders.RETRY_AFTER);
        }
    }
}
