package io.github.micronautratelimit.key;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.TrustedProxies;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpRequestWrapper;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Connections whose address is not that of a resolved IP socket. */
class SocketAddressTest {

    private static final String CLIENT = "198.51.100.7";

    private static String resolve(String trusted, Supplier<@Nullable InetSocketAddress> remote) {
        ClientAddressResolver resolver = new ClientAddressResolver(new ClientAddress(
                TrustedProxies.within(List.of(trusted)), null, 64, new ConfigurationWarnings(List.of())));
        return resolver.resolve(new HttpRequestWrapper<>(HttpRequest.GET("/").header("X-Forwarded-For", CLIENT)) {
            @Override
            @SuppressWarnings("NullAway")
            public InetSocketAddress getRemoteAddress() {
                return remote.get();
            }
        });
    }

    @Test
    void peerOfUnixSocketIsLoopback() {
        Supplier<@Nullable InetSocketAddress> unix = () -> {
            throw new ClassCastException("DomainSocketAddress");
        };
        assertEquals("127.0.0.1", resolve("203.0.113.0/24", unix));
        assertEquals(CLIENT, resolve("127.0.0.0/8", unix), "a trusted proxy on this machine");
    }

    @Test
    void unresolvedAddressIsRead() {
        assertEquals("192.0.2.1", resolve("127.0.0.0/8", () -> InetSocketAddress.createUnresolved("192.0.2.1", 80)));
        assertEquals(CLIENT, resolve("127.0.0.0/8", () -> InetSocketAddress.createUnresolved("127.0.0.1", 80)));
        assertEquals("unknown", resolve("127.0.0.0/8", () -> InetSocketAddress.createUnresolved("client.test", 80)));
    }

    @Test
    void missingAddressIsOneKey() {
        assertEquals("unknown", resolve("127.0.0.0/8", () -> null));
    }
}
