package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.annotation.Property;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.annotation.Client;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import jakarta.inject.Inject;
import java.net.URI;
import java.net.http.WebSocket;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Runs the code of the guide. */
@MicronautTest(environments = "guide", rebuildContext = true)
@Property(name = "redis.enabled", value = "false")
class GuideTest {

    @Inject
    @Client("/")
    HttpClient client;

    @Inject
    EmbeddedServer server;

    @Inject
    RateLimiter limiter;

    @Inject
    VirtualClock clock;

    private HttpResponse<?> send(HttpRequest<?> request) {
        try {
            return client.toBlocking().exchange(request, Argument.of(String.class), Argument.of(String.class));
        } catch (HttpClientResponseException e) {
            return e.getResponse();
        }
    }

    private List<Integer> codes(int times, HttpRequest<?> request) {
        return IntStream.range(0, times).mapToObj(i -> send(request).code()).toList();
    }

    @Test
    void annotationsLimitRoutes() {
        assertEquals(List.of(200, 200, 200, 429), codes(4, HttpRequest.GET("/orders")));
        assertEquals("20", send(HttpRequest.GET("/orders")).header("Retry-After"));
        assertEquals(List.of(200, 200), codes(2, HttpRequest.GET("/orders/1")));
        clock.advance(Duration.ofSeconds(20));
        assertEquals(List.of(200, 429), codes(2, HttpRequest.GET("/orders")));
    }

    @Test
    void limitsComeFromTheConfiguration() {
        assertEquals(
                List.of(201, 201, 429),
                codes(3, HttpRequest.POST("/orders", "apples").header("X-Tenant", "acme")));
    }

    @Test
    void manyTokensOfOneAddressShareItsLimit() {
        assertEquals(
                Collections.nCopies(60, 200),
                codes(60, HttpRequest.GET("/token").bearerAuth("a")));
        assertEquals(List.of(429), codes(1, HttpRequest.GET("/token").bearerAuth("a")));
        assertEquals(
                Collections.nCopies(540, 200),
                IntStream.range(0, 540)
                        .mapToObj(i -> send(HttpRequest.GET("/token").bearerAuth("other" + i))
                                .code())
                        .toList());
        assertEquals(List.of(429), codes(1, HttpRequest.GET("/token").bearerAuth("fresh")));
    }

    @Test
    void argumentsSetTheCostOfACall(Transfers transfers) {
        assertEquals("done", transfers.transfer("a", 60));
        RateLimitExceededException denied =
                assertThrows(RateLimitExceededException.class, () -> transfers.transfer("a", 41));
        assertEquals(600_000, denied.decisions().retryAfterMicros());
        assertEquals("done", transfers.transfer("a", 40));
        assertEquals("done", transfers.transfer("b", 100));
    }

    @Test
    void applicationCodeAcquiresPermits(Mails mails) {
        assertEquals(
                List.of("sent", "sent", "again in 12 h"),
                Stream.generate(() -> mails.send("alice")).limit(3).toList());
        assertEquals("sent", mails.send("bob"));
    }

    @Test
    void callsOfALimitedServiceWaitInTurn(PartnerCalls calls) throws Exception {
        assertEquals("called", calls.call());
        CompletableFuture<String> second = calls.callLater().toCompletableFuture();
        assertEquals(1, limiter.stats().waiting());
        clock.advance(100_000);
        assertEquals("called", second.get(30, TimeUnit.SECONDS));
        assertEquals("called", calls.annotated().toCompletableFuture().join());
        CompletableFuture<String> annotated = calls.annotated().toCompletableFuture();
        assertEquals(1, limiter.stats().waiting());
        clock.advance(100_000);
        assertEquals("called", annotated.get(30, TimeUnit.SECONDS));
    }

    @Test
    void slotIsHeldDuringTheWork(Slots slots) {
        assertEquals(5, heldConcurrently(slots));
        assertEquals(5, heldConcurrently(slots), "all slots were released");
    }

    private static int heldConcurrently(Slots slots) {
        AtomicInteger held = new AtomicInteger();
        slots.report("t", () -> held.set(1 + heldConcurrently(slots)));
        return held.get();
    }

    @Test
    void resolverGivesPremiumUsersMore() {
        Policy policy = Policy.of("calls", "1/min");
        Plans plans = new Plans();
        assertEquals(
                999,
                limiter.tryAcquire(plans.resolve(policy, "acme", null), "acme").remaining());
        assertEquals(
                0,
                limiter.tryAcquire(plans.resolve(policy, "else", null), "else").remaining());
    }

    @Test
    void listenersReceiveDenials(Alarm alarm) throws InterruptedException {
        long before = alarm.denied();
        assertEquals(List.of(200, 200, 200, 429), codes(4, HttpRequest.GET("/orders")));
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (alarm.denied() == before && System.nanoTime() < until) {
            TimeUnit.MILLISECONDS.sleep(1);
        }
        assertEquals(before + 1, alarm.denied());
    }

    @Test
    void webSocketConnectionsAndMessagesAreLimited() throws InterruptedException {
        BlockingQueue<String> received = new LinkedBlockingQueue<>();
        List<WebSocket> open =
                IntStream.range(0, 5).mapToObj(i -> open(received)).toList();
        assertThrows(CompletionException.class, () -> open(received), "the sixth connection");
        for (int i = 0; i < 101; i++) {
            open.get(0).sendText("hello", true).join();
        }
        for (int i = 0; i < 100; i++) {
            assertEquals("hello", received.poll(20, TimeUnit.SECONDS));
        }
        assertEquals(
                "{\"error\":\"rate limit exceeded\",\"policy\":\"RoomSocket.onMessage\",\"retry-after\":1}",
                received.poll(20, TimeUnit.SECONDS));
        open.forEach(WebSocket::abort);
    }

    private WebSocket open(BlockingQueue<String> received) {
        URI uri = URI.create("ws://localhost:" + server.getPort() + "/rooms/blue");
        return java.net.http.HttpClient.newHttpClient()
                .newWebSocketBuilder()
                .buildAsync(uri, new WebSocket.Listener() {
                    @Override
                    public CompletionStage<?> onText(WebSocket socket, CharSequence text, boolean last) {
                        received.add(text.toString());
                        socket.request(1);
                        return CompletableFuture.completedStage(null);
                    }
                })
                .join();
    }
}
