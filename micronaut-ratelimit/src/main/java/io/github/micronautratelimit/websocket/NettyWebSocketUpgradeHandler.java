package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.http.RateLimitAttributes;
import io.github.micronautratelimit.http.UpgradeHandler;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.micronaut.context.BeanContext;
import io.micronaut.context.BeanProvider;
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
import java.util.concurrent.atomic.AtomicLong;

/**
 * Limits WebSockets on Netty, by handlers in the pipeline of the connection. They are before the framework's handler
 * and end with the connection.
 */
@Singleton
@RequiresRateLimit
@Requires(classes = NettyHttpRequest.class)
final class NettyWebSocketUpgradeHandler implements UpgradeHandler {

    private static final String SERVER_WEB_SOCKET = "io.micronaut.websocket.annotation.ServerWebSocket";
    private static final String ON_MESSAGE = "io.micronaut.websocket.annotation.OnMessage";
    /** The default of the annotation. */
    private static final int DEFAULT_PAYLOAD_LENGTH = 65_536;

    private static final String GATE = MessageGate.class.getName();

    private final BeanContext beans;
    private final AnnotationLimits annotations;
    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    private final BeanProvider<MessageLimiter> limiter;
    private final WebSocketDenials denials;
    private final AtomicLong connections = new AtomicLong();

    NettyWebSocketUpgradeHandler(
            BeanContext beans,
            AnnotationLimits annotations,
            KeyResolution keys,
            EffectivePolicyResolver policies,
            BeanProvider<MessageLimiter> limiter,
            WebSocketDenials denials) {
        this.beans = beans;
        this.annotations = annotations;
        this.keys = keys;
        this.policies = policies;
        this.limiter = limiter;
        this.denials = denials;
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
    public void allowed(HttpRequest<?> request) {
        if (RateLimitAttributes.decisions(request).isPresent()) {
            addHandler(request, new CloseAfterHandshake());
        }
        Class<?> webSocket = webSocketClass(request);
        for (ExecutableMethod<?, ?> method : definition(webSocket).getExecutableMethods()) {
            if (!annotations.ofMessages(webSocket, method).isEmpty()) {
                MessageGate gate = gate(request, webSocket, method);
                request.setAttribute(GATE, gate);
                addHandler(request, gate);
            }
        }
    }

    private MessageGate gate(HttpRequest<?> request, Class<?> webSocket, ExecutableMethod<?, ?> method) {
        String connection = Long.toString(connections.incrementAndGet());
        MessageLimits limits =
                new MessageLimits(() -> annotations.ofMessages(webSocket, method), keys, policies, request, connection);
        int maxBytes = method.intValue(ON_MESSAGE, "maxPayloadLength").orElse(DEFAULT_PAYLOAD_LENGTH);
        return new MessageGate(limiter.get(), limits, denials, maxBytes);
    }

    @Override
    public void denied(HttpRequest<?> request, Decisions denial) {
        if (denials.closesRejectedConnections()) {
            String subprotocols = definition(webSocketClass(request))
                    .stringValue(SERVER_WEB_SOCKET, "subprotocols")
                    .filter(names -> !names.isEmpty())
                    .orElse(null);
            addHandler(
                    request,
                    new RejectedUpgrade(
                            ((NettyHttpRequest<?>) request).getNativeRequest(),
                            subprotocols,
                            denials.closeStatusOfConnection(denial)));
        }
    }

    @Override
    public void abandoned(HttpRequest<?> request) {
        request.removeAttribute(GATE, MessageGate.class)
                .ifPresent(context(request).pipeline()::remove);
    }

    /** Adds a handler before the framework's request handler, which the upgrade replaces by a message handler. */
    private static void addHandler(HttpRequest<?> request, ChannelHandler handler) {
        ChannelHandlerContext requestHandler = context(request);
        requestHandler.pipeline().addBefore(requestHandler.name(), null, handler);
    }

    private static ChannelHandlerContext context(HttpRequest<?> request) {
        return ((NettyHttpRequest<?>) request).getChannelHandlerContext();
    }

    private static Class<?> webSocketClass(HttpRequest<?> request) {
        return RouteAttributes.getRouteMatch(request)
                .map(route -> ((MethodBasedRouteMatch<?, ?>) route).getTarget().getClass())
                .orElseThrow();
    }

    private BeanDefinition<?> definition(Class<?> webSocket) {
        return beans.getBeanDefinition(webSocket);
    }
}
