package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.http.annotation.QueryValue;
import io.micronaut.serde.annotation.Serdeable;
import io.micronaut.websocket.WebSocketBroadcaster;
import io.micronaut.websocket.annotation.OnMessage;
import io.micronaut.websocket.annotation.ServerWebSocket;
import org.reactivestreams.Publisher;

/**
 * A chat. On the class a limit is one on connections, by a policy in application.yml: how many may be open per client
 * address. On the method for messages it is one on messages: how many may come over each connection.
 */
@ServerWebSocket("/api/chat")
@RateLimit(policy = "chat")
class ChatSocket {

    private final WebSocketBroadcaster everybody;

    ChatSocket(WebSocketBroadcaster everybody) {
        this.everybody = everybody;
    }

    @Serdeable
    record Said(String from, String text) {
    }

    @OnMessage
    @RateLimit("5/10s")
    Publisher<Said> said(String text, @QueryValue String name) {
        return everybody.broadcast(new Said(name, text));
    }
}
