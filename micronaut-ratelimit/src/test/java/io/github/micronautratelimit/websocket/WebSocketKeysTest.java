package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Eventually;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.annotation.Property;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.security.annotation.Secured;
import io.micronaut.security.authentication.Authentication;
import io.micronaut.security.filters.AuthenticationFetcher;
import io.micronaut.security.rules.SecurityRule;
import io.micronaut.test.extensions.junit5.annotation.MicronautTest;
import io.micronaut.websocket.WebSocketClient;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.ClientWebSocket;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import io.micronaut.websocket.exceptions.WebSocketClientException;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.Closeable;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/** Keys of WebSocket limits: users, addresses behind proxies, path rules; and the events of their decisions. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "WebSocketKeysTest")
@Property(name = "micronaut.security.enabled", value = "true")
@Property(name = "ratelimit.trusted-proxies", value = "127.0.0.0/8,::1/128")
@Property(name = "ratelimit.policies.by-rule.limits", value = "1/min")
@Property(name = "ratelimit.rules[0].path", value = "/ruled/**")
@Property(name = "ratelimit.rules[0].policy", value = "by-rule")
class WebSocketKeysTest {

    @Inject
    EmbeddedServer server;

    @Inject
    Events events;

    @Inject
    RateLimiter limiter;

    @Test
    void eachUserHasItsOwnConnectionsAndMessages() throws Exception {
        try (TestWebSocket alice = TestWebSocket.open(server, "/user", "X-User", "alice");
                TestWebSocket aliceAgain = TestWebSocket.open(server, "/user", "X-User", "alice");
                TestWebSocket bob = TestWebSocket.open(server, "/user", "X-User", "bob")) {
            assertEquals(
                    429,
                    TestWebSocket.rejected(server, "/user", "X-User", "alice").statusCode());
            assertEquals("a", alice.send("a").next());
            assertEquals("b", aliceAgain.send("b").next());
            assertTrue(aliceAgain.send("c").next().contains("rate limit exceeded"));
            assertEquals("d", bob.send("d").next());
        }
    }

    @Test
    void anUnauthenticatedClientTakesNoSlot() {
        for (int i = 0; i < 5; i++) {
            assertEquals(401, TestWebSocket.rejected(server, "/secured").statusCode());
        }
        TestWebSocket.open(server, "/secured", "X-User", "alice").close();
    }

    @Test
    void clientsBehindAProxyHaveTheirOwnLimits() throws Exception {
        try (TestWebSocket one = TestWebSocket.open(server, "/address", "X-Forwarded-For", "203.0.113.1");
                TestWebSocket other = TestWebSocket.open(server, "/address", "X-Forwarded-For", "203.0.113.2")) {
            assertEquals(
                    429,
                    TestWebSocket.rejected(server, "/address", "X-Forwarded-For", "203.0.113.1")
                            .statusCode());
            assertEquals("a", one.send("a").next());
            assertTrue(one.send("b").next().contains("rate limit exceeded"));
            assertEquals("c", other.send("c").next());
        }
    }

    @Test
    void pathRulesApplyToConnectionsUnlessExempt() throws Exception {
        TestWebSocket.open(server, "/ruled/one").close();
        assertEquals(429, TestWebSocket.rejected(server, "/ruled/one").statusCode());
        try (TestWebSocket exempt = TestWebSocket.open(server, "/ruled/exempt")) {
            assertEquals("a", exempt.send("a").next());
        }
    }

    @Test
    void listenersAndCountsDistinguishConnectionsAndMessages() throws Exception {
        limiter.counts();
        try (TestWebSocket alice = TestWebSocket.open(server, "/user", "X-User", "alice");
                TestWebSocket own = TestWebSocket.open(server, "/address")) {
            assertEquals("a", alice.send("a").next());
            assertEquals("b", own.send("b").next());
            assertTrue(own.send("c").next().contains("rate limit exceeded"));
        }
        Eventually.equal(
                List.of("WS_CONNECTION", "WS_CONNECTION", "WS_MESSAGE", "WS_MESSAGE", "WS_MESSAGE denied"),
                () -> events.origins.stream().sorted().toList());
        assertEquals(
                5,
                limiter.counts().all().stream()
                        .filter(series -> series.origin() == PermitRequest.Origin.WS_CONNECTION
                                || series.origin() == PermitRequest.Origin.WS_MESSAGE)
                        .mapToLong(series -> series.decisions())
                        .sum());
    }

    @Test
    void theClientOfTheFrameworkReceivesErrorsAndRejections() throws Exception {
        WebSocketClient client = server.getApplicationContext()
                .createBean(WebSocketClient.class, URI.create("ws://localhost:" + server.getPort()));
        try (client;
                Client one = connect(client)) {
            one.send("a");
            one.send("b");
            assertEquals("a", one.received.poll(20, TimeUnit.SECONDS));
            assertTrue(String.valueOf(one.received.poll(20, TimeUnit.SECONDS)).contains("rate limit exceeded"));
            try (Client two = connect(client)) {
                throw new AssertionError("accepted: " + two);
            } catch (WebSocketClientException | HttpClientResponseException rejected) {
                assertTrue(
                        String.valueOf(rejected.getMessage()).contains("429"), String.valueOf(rejected.getMessage()));
            }
        }
    }

    private static Client connect(WebSocketClient client) {
        return Flux.from(client.connect(Client.class, Map.of("id", "1"))).blockFirst();
    }

    @ClientWebSocket("/address")
    @Requires(property = "spec", value = "WebSocketKeysTest")
    abstract static class Client implements Closeable {

        final BlockingQueue<String> received = new LinkedBlockingQueue<>();

        @OnMessage
        void onMessage(String message) {
            received.add(message);
        }

        abstract void send(String message);
    }

    @ServerWebSocket("/user")
    @RateLimit(value = "2 concurrent", key = "{principal}")
    @Secured(SecurityRule.IS_AUTHENTICATED)
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class ByUser {

        @OnMessage
        @RateLimit(value = "2/min", key = "{principal}")
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/secured")
    @RateLimit(value = "1 concurrent", key = "{principal-or-ip}")
    @Secured(SecurityRule.IS_AUTHENTICATED)
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class OnlyUsers {

        @OnMessage
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/address")
    @RateLimit("1 concurrent")
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class ByAddress {

        @OnMessage
        @RateLimit("1/min")
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/ruled/one")
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class Ruled {

        @OnMessage
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @ServerWebSocket("/ruled/exempt")
    @NoRateLimit
    @Secured(SecurityRule.IS_ANONYMOUS)
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class Exempt {

        @OnMessage
        void onMessage(String message, WebSocketSession session) {
            session.sendAsync(message);
        }
    }

    @Singleton
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class UserHeader implements AuthenticationFetcher<HttpRequest<?>> {

        @Override
        public Publisher<Authentication> fetchAuthentication(HttpRequest<?> request) {
            String user = request.getHeaders().get("X-User");
            return user == null ? Mono.empty() : Mono.just(Authentication.build(user));
        }
    }

    @Singleton
    @Requires(property = "spec", value = "WebSocketKeysTest")
    static class Events implements RateLimitListener {

        final List<String> origins = Collections.synchronizedList(new ArrayList<>());

        @Override
        public void onAllow(RateLimitEvent event) {
            origins.add(event.origin().name());
        }

        @Override
        public void onBlock(RateLimitEvent event) {
            origins.add(event.origin().name() + " denied");
        }
    }
}
