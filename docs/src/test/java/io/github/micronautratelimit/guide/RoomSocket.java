package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.websocket.WebSocketSession;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;

// tag::socket[]
@ServerWebSocket("/rooms/{room}")
@RateLimit(value = "5 concurrent; 20/min", key = "{principal-or-ip}") // connections
class RoomSocket {

    @OnMessage
    @RateLimit("100/min") // messages of each connection
    void onMessage(String message, WebSocketSession session) {
        session.sendAsync(message);
    }
}
// end::socket[]
