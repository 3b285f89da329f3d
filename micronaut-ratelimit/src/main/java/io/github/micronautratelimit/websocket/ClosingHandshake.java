package io.github.micronautratelimit.websocket;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.util.ReferenceCountUtil;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeUnit;

/**
 * Closes a WebSocket as RFC 6455 (7.1.1) demands: sends a close frame and waits, for a short time, for the client's
 * close frame before the connection is closed. Nothing else is read or written after the start. If the connection were
 * closed at once, with unread messages, it would be reset, and the client might not receive the reason.
 */
final class ClosingHandshake extends ChannelDuplexHandler {

    private static final long TIMEOUT_SECONDS = 5;

    private final WebSocketCloseStatus reason;
    private boolean closed;

    private ClosingHandshake(WebSocketCloseStatus reason) {
        this.reason = reason;
    }

    /**
     * Starts the closing handshake.
     *
     * @param next the first handler that no longer receives or sends messages
     */
    static void start(ChannelHandlerContext next, WebSocketCloseStatus reason) {
        next.pipeline().addBefore(next.name(), null, new ClosingHandshake(reason));
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        context.writeAndFlush(new CloseWebSocketFrame(reason));
        context.executor().schedule(() -> finish(context), TIMEOUT_SECONDS, TimeUnit.SECONDS);
        context.channel().config().setAutoRead(true);
        context.read();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        boolean close = message instanceof CloseWebSocketFrame;
        ReferenceCountUtil.release(message);
        if (close) {
            finish(context);
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        ReferenceCountUtil.release(message);
        promise.tryFailure(new ClosedChannelException());
    }

    /** Delays a close by the application until the handshake is over. */
    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        context.channel().closeFuture().addListener(done -> promise.trySuccess());
    }

    private void finish(ChannelHandlerContext context) {
        if (!closed) {
            closed = true;
            context.close();
        }
    }
}
