package io.github.micronautratelimit.websocket;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import java.util.concurrent.TimeUnit;

/**
 * Closes a connection as soon as both sides have sent a close frame (RFC 6455, 7.1.1), so that its slot is released.
 * Without an {@code @OnClose} method, the framework leaves this to the client. Browsers leave it to the server.
 */
final class CloseAfterHandshake extends ChannelDuplexHandler {

    private static final long TIMEOUT_SECONDS = 5;

    private static final int FIRST_CODE = 1000;
    private static final int LAST_CODE = 4999;

    private boolean received;
    private boolean sent;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        boolean close = message instanceof CloseWebSocketFrame;
        received |= close;
        context.fireChannelRead(message);
        if (close && sent) {
            context.close();
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (!(message instanceof CloseWebSocketFrame close)) {
            context.write(message, promise);
            return;
        }
        sent = true;
        ChannelPromise written = promise.unvoid();
        written.addListener(done -> {
            if (received) {
                context.close();
            } else {
                context.executor().schedule(() -> context.close(), TIMEOUT_SECONDS, TimeUnit.SECONDS);
            }
        });
        context.write(withValidCode(close), written);
    }

    /** Replaces a code that browsers report as an error. The framework answers a close frame without a code by -1. */
    private static CloseWebSocketFrame withValidCode(CloseWebSocketFrame close) {
        int code = close.statusCode();
        if (close.content().readableBytes() == 0 || code >= FIRST_CODE && code <= LAST_CODE) {
            return close;
        }
        close.release();
        return new CloseWebSocketFrame();
    }
}
