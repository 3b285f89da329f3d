package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.reflect.ClassUtils;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Singleton;
import java.util.Collection;

/** Rejects limits on WebSockets if the server is not Netty, because nothing would enforce them. */
@Singleton
@RequiresRateLimit
final class WebSocketSupport {

    private static final String NETTY = "io.micronaut.http.server.netty.NettyEmbeddedServer";

    private final BeanContext beans;

    WebSocketSupport(BeanContext beans) {
        this.beans = beans;
    }

    /**
     * Rejects a limit that cannot be enforced.
     *
     * @param limit a limit on connections to a WebSocket or on its messages
     * @throws ConfigurationException if the server is not Netty
     */
    void require(LimitBinding limit) {
        Class<?> netty = ClassUtils.forName(NETTY, beans.getClassLoader()).orElse(null);
        Collection<? extends BeanDefinition<?>> servers = beans.getBeanDefinitions(EmbeddedServer.class);
        if (netty != null
                && (servers.isEmpty()
                        || servers.stream().anyMatch(server -> netty.isAssignableFrom(server.getBeanType())))) {
            return;
        }
        throw new ConfigurationException(limit.location() + " limits a WebSocket, which needs the Netty server, but "
                + (servers.isEmpty()
                        ? "the application has none"
                        : "the server is "
                                + servers.iterator().next().getBeanType().getName())
                + "; use micronaut-http-server-netty, or remove the limit.");
    }
}
