package io.github.micronautratelimit.websocket;

import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.config.PolicyChoice;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.intercept.AnnotatedLimits;
import io.github.micronautratelimit.intercept.LimitedRequest;
import io.github.micronautratelimit.key.Keys;
import io.micronaut.context.BeanContext;
import io.micronaut.context.BeanProvider;
import io.micronaut.context.annotation.Replaces;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.server.netty.NettyHttpRequest;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.web.router.MethodBasedRouteMatch;
import io.micronaut.web.router.RouteAttributes;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import jakarta.inject.Singleton;

/**
 * WebSockets on Netty. What limits a connection stands in the connection's own pipeline, before the framework's handler, and
 * goes with it.
 */
@Singleton
@RequiresRateLimit
@Requires(classes = NettyHttpRequest.class)
@Replaces(Upgrades.class)
final class NettyUpgrades extends Upgrades {

    private static final String ANNOTATION = "io.micronaut.websocket.annotation.ServerWebSocket";
    private static final String GATE = MessageGate.class.getName();

    private final BeanContext beans;
    private final AnnotatedLimits annotated;
    private final Keys keys;
    private final PolicyChoice choice;
    private final BeanProvider<MessageLimiter> limiter;
    private final SocketAnswers answers;
    private final AtomicLong connections = new AtomicLong();

    NettyUpgrades(BeanContext beans, AnnotatedLimits annotated, Keys keys, PolicyChoice choice,
                  BeanProvider<MessageLimiter> limiter, SocketAnswers answers) {
        this.beans = beans;
        this.annotated = annotated;
        this.keys = keys;
        this.choice = choice;
        this.limiter = limiter;
        this.answers = answers;
    }

    @Override
    public boolean isUpgrade(HttpRequest<?> request) {
        if (!(request instanceof NettyHttpRequest<?> netty)) {
            return false;
        }
        HttpHeaders headers = netty.getNativeRequest().headers();
        return headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)
                && headers.containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true);
    }

    @Override
    public void granted(HttpRequest<?> request) {
        LimitedRequest limited = LimitedRequest.of(request);
        if (limited != null && limited.decisions() != null) {
            add(request, new PromptEnd());
        }
        Class<?> socket = socket(request);
        for (ExecutableMethod<?, ?> method : definition(socket).getExecutableMethods()) {
            if (!annotated.ofMessages(socket, method).isEmpty()) {
                MessageLimits limits = new MessageLimits(() -> annotated.ofMessages(socket, method), keys, choice, request,
                        Long.toString(connections.incrementAndGet()));
                MessageGate gate = new MessageGate(limiter.get(), limits, answers);
                request.setAttribute(GATE, gate);
                add(request, gate);
            }
        }
    }

    @Override
    public void refused(HttpRequest<?> request, Decisions denial) {
        if (answers.closeRefused()) {
            String subprotocols = definition(socket(request)).stringValue(ANNOTATION, "subprotocols")
                    .filter(written -> !written.isEmpty()).orElse(null);
            add(request, new RefusedUpgrade(((NettyHttpRequest<?>) request).getNativeRequest(), subprotocols,
                    answers.refused(denial)));
        }
    }

    @Override
    public void abandoned(HttpRequest<?> request) {
        request.removeAttribute(GATE, MessageGate.class).ifPresent(context(request).pipeline()::remove);
    }

    /** Before the framework's handler of requests, which the one of messages will take the place of. */
    private static void add(HttpRequest<?> request, ChannelHandler handler) {
        ChannelHandlerContext requests = context(request);
        requests.pipeline().addBefore(requests.name(), null, handler);
    }

    private static ChannelHandlerContext context(HttpRequest<?> request) {
        return ((NettyHttpRequest<?>) request).getChannelHandlerContext();
    }

    private static Class<?> socket(HttpRequest<?> request) {
        return RouteAttributes.getRouteMatch(request)
                .map(route -> ((MethodBasedRouteMatch<?, ?>) route).getTarget().getClass()).orElseThrow();
    }

    private BeanDefinition<?> definition(Class<?> socket) {
        return beans.getBeanDefinition(socket);
    }
}
