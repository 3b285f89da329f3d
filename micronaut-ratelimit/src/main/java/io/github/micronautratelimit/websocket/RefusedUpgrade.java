package io.github.micronautratelimit.websocket;

import org.jspecify.annotations.Nullable;

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

/**
 * Puts a handshake and a close frame in place of the answer to a denied request. The application never learns of the
 * connection. A handshake that cannot succeed leaves the answer as it is.
 */
final class RefusedUpgrade extends ChannelOutboundHandlerAdapter {

    private final HttpRequest request;
    private final @Nullable String subprotocols;
    private final WebSocketCloseStatus reason;

    RefusedUpgrade(HttpRequest request, @Nullable String subprotocols, WebSocketCloseStatus reason) {
        this.request = request;
        this.subprotocols = subprotocols;
        this.reason = reason;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
        boolean answer = message instanceof HttpResponse response
                && !response.status().equals(HttpResponseStatus.SWITCHING_PROTOCOLS);
        if (!answer) {
            context.write(message, promise);
            return;
        }
        if (!shakeHands(context)) {
            context.pipeline().remove(this);
            context.write(message, promise);
            return;
        }
        ReferenceCountUtil.release(message);
        promise.trySuccess();
        ClosingHandshake.begin(context, reason);
    }

    private boolean shakeHands(ChannelHandlerContext context) {
        WebSocketServerHandshaker handshaker =
                new WebSocketServerHandshakerFactory(request.uri(), subprotocols, true).newHandshaker(request);
        if (handshaker == null) {
            return false;
        }
        FullHttpRequest whole = new DefaultFullHttpRequest(request.protocolVersion(), request.method(), request.uri(),
                Unpooled.EMPTY_BUFFER);
        whole.headers().set(request.headers());
        try {
            handshaker.handshake(context.channel(), whole);
            return true;
        } catch (WebSocketHandshakeException e) {
            return false;
        }
    }
}
