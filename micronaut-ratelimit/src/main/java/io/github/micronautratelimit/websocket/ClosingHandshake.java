package io.github.micronautratelimit.websocket;

import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeUnit;

import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.util.ReferenceCountUtil;

/**
 * Ends a WebSocket as RFC 6455 (7.1.1) has it: sends a close frame and waits for the client's, but not for long, before the
 * connection is closed. A connection closed at once, with messages unread, would be reset, and the client might never see
 * the reason. Until then nothing else is read or written.
 */
final class ClosingHandshake extends ChannelDuplexHandler {

    private static final long SECONDS_TO_ANSWER = 5;

    private final WebSocketCloseStatus reason;
    private boolean ended;

    private ClosingHandshake(WebSocketCloseStatus reason) {
        this.reason = reason;
    }

    /**
     * Begins.
     *
     * @param before a handler of the connection that shall have nothing to do with it any more
     */
    static void begin(ChannelHandlerContext before, WebSocketCloseStatus reason) {
        before.pipeline().addBefore(before.name(), null, new ClosingHandshake(reason));
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        context.writeAndFlush(new CloseWebSocketFrame(reason));
        context.executor().schedule(() -> end(context), SECONDS_TO_ANSWER, TimeUnit.SECONDS);
        context.channel().config().setAutoRead(true);
        context.read();
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        boolean answered = message instanceof CloseWebSocketFrame;
        ReferenceCountUtil.release(message);
        if (answered) {
            end(context);
        }
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        ReferenceCountUtil.release(message);
        promise.tryFailure(new ClosedChannelException());
    }

    /** The application's wish, which is fulfilled in a moment. */
    @Override
    public void close(ChannelHandlerContext context, ChannelPromise promise) {
        context.channel().closeFuture().addListener(closed -> promise.trySuccess());
    }

    private void end(ChannelHandlerContext context) {
        if (!ended) {
            ended = true;
            context.close();
        }
    }
}
