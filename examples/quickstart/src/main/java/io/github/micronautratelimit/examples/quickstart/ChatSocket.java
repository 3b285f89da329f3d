package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.Serdeable;
import io.micronaut.websocket.WebSocketBroadcaster;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import org.reactivestreams.Publisher;

/**
 * A chat with two limits. The one on the class limits connections: application.yml sets how many a client address may
 * have open. The one on the method limits the messages of each connection.
 */
@ServerWebSocket("/api/chat")
@RateLimit(policy = "chat")
class ChatSocket {

    private final WebSocketBroadcaster broadcaster;

    ChatSocket(WebSocketBroadcaster broadcaster) {
        this.broadcaster = broadcaster;
    }

    @Serdeable
    record ChatMessage(String from, String text) {}

    @OnMessage
    @RateLimit("5/10s")
    Publisher<ChatMessage> onMessage(String text, @QueryValue String name) {
        return broadcaster.broadcast(new ChatMessage(name, text));
    }
}
