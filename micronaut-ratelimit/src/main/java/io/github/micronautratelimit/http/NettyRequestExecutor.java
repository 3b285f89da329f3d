package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.server.netty.NettyHttpRequest;
import io.micronaut.scheduling.TaskExecutors;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;

/** Runs the work of a request on the event loop of its connection. */
@Singleton
@RequiresRateLimit
@Requires(classes = NettyHttpRequest.class)
@Replaces(RequestExecutor.class)
final class NettyRequestExecutor extends RequestExecutor {

    NettyRequestExecutor(@Named(TaskExecutors.BLOCKING) ExecutorService blocking) {
        super(blocking);
    }

    @Override
    public boolean keepsThread(HttpRequest<?> request) {
        return request instanceof NettyHttpRequest;
    }

    @Override
    public Executor of(HttpRequest<?> request) {
        return request instanceof NettyHttpRequest<?> netty
                ? netty.getChannelHandlerContext().channel().eventLoop()
                : super.of(request);
    }

    @Override
    public Runnable onDisconnect(HttpRequest<?> request, Runnable callback) {
        if (!(request instanceof NettyHttpRequest<?> netty)) {
            return super.onDisconnect(request, callback);
        }
        ChannelHandlerContext context = netty.getChannelHandlerContext();
        if (context.handler() instanceof Http2ConnectionHandler connection) {
            StreamCallbacks.add(context, connection, netty.getNativeRequest(), callback);
            return () -> {};
        }
        // A connection with HTTP/1.1, or a channel of one stream.
        ChannelFuture closed = context.channel().closeFuture();
        ChannelFutureListener listener = channel -> callback.run();
        closed.addListener(listener);
        return () -> closed.removeListener(listener);
    }
}
