package io.github.micronautratelimit.intercept;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.server.netty.NettyHttpRequest;
import io.micronaut.scheduling.TaskExecutors;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import jakarta.inject.Named;
import jakarta.inject.Singleton;

/** On Netty a request goes on where it came in: on the event loop of its connection. */
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
    public Runnable whenGone(HttpRequest<?> request, Runnable then) {
        if (!(request instanceof NettyHttpRequest<?> netty)) {
            return super.whenGone(request, then);
        }
        ChannelFuture closed = netty.getChannelHandlerContext().channel().closeFuture();
        ChannelFutureListener listener = channel -> then.run();
        closed.addListener(listener);
        return () -> closed.removeListener(listener);
    }
}
