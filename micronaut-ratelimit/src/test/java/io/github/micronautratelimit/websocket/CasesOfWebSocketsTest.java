package io.github.micronautratelimit.websocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.runtime.server.EmbeddedServer;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.OnOpen;
import io.micronaut.websocket.annotation.ServerWebSocket;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Policies with cases on connections and messages, and rules that leave connections out. */
class CasesOfWebSocketsTest {

    private static EmbeddedServer start(Map<String, Object> properties) {
        Map<String, Object> all = new HashMap<>(properties);
        all.put("spec", "CasesOfWebSocketsTest");
        all.put("micronaut.server.port", -1);
        return ApplicationContext.run(EmbeddedServer.class, all, "test");
    }

    @Test
    void handshakeChoosesCaseOfConnectionsAndMessages() throws Exception {
        try (EmbeddedServer server = start(Map.of(
                "ratelimit.policies.connections.cases",
                List.of("header:X-Plan=pro: 2/h", "header:X-Banned: deny", "otherwise: 1/h"),
                "ratelimit.policies.messages.cases",
                List.of("header:X-Plan=pro: 2/h by {connection}", "otherwise: 1/h by {connection}")))) {
            try (TestWebSocket pro = TestWebSocket.open(server, "/cases", "X-Plan", "pro")) {
                assertEquals(List.of("a", "b"), pro.send("a", "b").next(2));
                assertTrue(pro.send("c").next().contains("\"policy\":\"messages\""));
            }
            try (TestWebSocket other = TestWebSocket.open(server, "/cases")) {
                assertEquals("a", other.send("a").next());
                assertTrue(other.send("b").next().contains("rate limit exceeded"));
            }
            assertEquals(429, TestWebSocket.rejected(server, "/cases").statusCode());
            assertEquals(
                    429,
                    TestWebSocket.rejected(server, "/cases", "X-Banned", "1").statusCode());
            TestWebSocket.open(server, "/cases", "X-Plan", "pro").close();
        }
    }

    @Test
    void exemptClientSendsFreelyAndDeniedMessagesAreAnswered() throws Exception {
        try (EmbeddedServer server = start(Map.of(
                "ratelimit.policies.connections.limits",
                "1/h",
                "ratelimit.policies.connections.exempt",
                "127.0.0.0/8",
                "ratelimit.policies.messages.cases",
                List.of("header:X-Banned: deny", "otherwise: unlimited")))) {
            try (TestWebSocket free = TestWebSocket.open(server, "/cases");
                    TestWebSocket banned = TestWebSocket.open(server, "/cases", "X-Banned", "1")) {
                assertEquals(List.of("a", "b", "c"), free.send("a", "b", "c").next(3));
                assertTrue(banned.send("a").next().contains("\"retry-after\":null"));
                assertTrue(banned.send("b").next().contains("\"policy\":\"messages\""));
            }
        }
    }

    @Test
    void ruleLeavesOutUpgradesOfWebSocketRoutesOnly() throws Exception {
        try (EmbeddedServer server = start(Map.of(
                "ratelimit.policies.connections.limits", "9/h",
                "ratelimit.policies.messages.limits", "9/h",
                "ratelimit.policies.rule.limits", "1/h",
                "ratelimit.rules[0].path", "/**",
                "ratelimit.rules[0].policy", "rule",
                "ratelimit.rules[0].skip", "upgrades"))) {
            for (int i = 0; i < 3; i++) {
                TestWebSocket.open(server, "/cases").close();
            }
            assertEquals(404, TestWebSocket.rejected(server, "/none").statusCode());
            assertEquals(429, TestWebSocket.rejected(server, "/none").statusCode(), "no route is no upgrade");
            TestWebSocket.open(server, "/cases").close();
        }
    }

    @ServerWebSocket("/cases")
    @Requires(property = "spec", value = "CasesOfWebSocketsTest")
    static class Socket {

        @OnOpen
        @RateLimit(policy = "connections")
        void open() {}

        @OnMessage
        @RateLimit(policy = "messages")
        void message(String text, WebSocketSession session) {
            session.sendSync(text);
        }
    }
}
