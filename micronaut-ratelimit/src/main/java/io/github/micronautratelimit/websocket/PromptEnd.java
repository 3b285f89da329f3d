package io.github.micronautratelimit.websocket;

import java.util.concurrent.TimeUnit;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;

/**
 * Closes a connection as soon as both ends have said goodbye (RFC 6455, 7.1.1), so that its place comes free. The
 * framework leaves that to the client if the application has no {@code @OnClose} method, and browsers leave it to the server.
 */
final class PromptEnd extends ChannelDuplexHandler {

    private static final long SECONDS_TO_ANSWER = 5;

    private static final int FIRST_CODE = 1000;
    private static final int LAST_CODE = 4999;

    private boolean received;
    private boolean sent;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        boolean goodbye = message instanceof CloseWebSocketFrame;
        received |= goodbye;
        context.fireChannelRead(message);
        if (goodbye && sent) {
            context.close();
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (!(message instanceof CloseWebSocketFrame goodbye)) {
            context.write(message, promise);
            return;
        }
        sent = true;
        ChannelPromise written = promise.unvoid();
        written.addListener(done -> {
            if (received) {
                context.close();
            } else {
                context.executor().schedule(() -> context.close(), SECONDS_TO_ANSWER, TimeUnit.SECONDS);
            }
        });
        context.write(sendable(goodbye), written);
    }

    /** The framework answers a goodbye without a reason by one with the code -1, which browsers take for an error. */
    private static CloseWebSocketFrame sendable(CloseWebSocketFrame goodbye) {
        int code = goodbye.statusCode();
        if (goodbye.content().readableBytes() == 0 || code >= FIRST_CODE && code <= LAST_CODE) {
            return goodbye;
        }
        goodbye.release();
        return new CloseWebSocketFrame();
    }
}
