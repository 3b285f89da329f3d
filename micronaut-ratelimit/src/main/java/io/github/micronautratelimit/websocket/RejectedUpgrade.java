package io.github.micronautratelimit.websocket;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketHandshakeException;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import io.netty.util.ReferenceCountUtil;
import org.jspecify.annotations.Nullable;

/**
 * Replaces the response to a denied request by a successful handshake and a close frame. The application does not see
 * the connection. If the handshake is impossible, the response is sent unchanged.
 */
final class RejectedUpgrade extends ChannelOutboundHandlerAdapter {

    private final HttpRequest request;
    private final @Nullable String subprotocols;
    private final WebSocketCloseStatus reason;

    RejectedUpgrade(HttpRequest request, @Nullable String subprotocols, WebSocketCloseStatus reason) {
        this.request = request;
        this.subprotocols = subprotocols;
        this.reason = reason;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        if (!isRejection(message)) {
            context.write(message, promise);
        } else if (handshake(context)) {
            ReferenceCountUtil.release(message);
            promise.trySuccess();
            ClosingHandshake.start(context, reason);
        } else {
            context.pipeline().remove(this);
            context.write(message, promise);
        }
    }

    private static boolean isRejection(Object message) {
        return message instanceof HttpResponse response
                && !response.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS);
    }

    private boolean handshake(ChannelHandlerContext context) {
        WebSocketServerHandshaker handshaker =
                new WebSocketServerHandshakerFactory(request.uri(), subprotocols, true).newHandshaker(request);
        if (handshaker == null) {
            return false;
        }
        FullHttpRequest full = new DefaultFullHttpRequest(
                request.protocolVersion(), request.method(), request.uri(), Unpooled.EMPTY_BUFFER);
        full.headers().set(request.headers());
        try {
            handshaker.handshake(context.channel(), full);
            return true;
        } catch (WebSocketHandshakeException e) {
            return false;
        }
    }
}
