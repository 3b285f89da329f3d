package io.github.micronautratelimit.key;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

import io.github.micronautratelimit.web.ClientAddress;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

/**
 * Says which address a request came from: that of the connection, or, if a proxy named by
 * {@code ratelimit.trusted-proxies} holds its other end, the one that proxy names. Replace this bean where requests do
 * not come over connections.
 */
@Singleton
public class ClientAddressResolver {

    /** What stands for a client whose address is not known, as in a test without a connection. */
    private static final String UNKNOWN = "unknown";

    private final ClientAddress addresses;

    /**
     * Made by the framework.
     *
     * @param addresses knows the trusted proxies
     */
    public ClientAddressResolver(ClientAddress addresses) {
        this.addresses = addresses;
    }

    /**
     * The client's address.
     *
     * @param request the request
     * @return a textual IP address or prefix, without port
     */
    public String resolve(HttpRequest<?> request) {
        InetSocketAddress remote = request.getRemoteAddress();
        if (remote == null) {
            return UNKNOWN;
        }
        InetAddress address = remote.getAddress();
        HttpHeaders headers = request.getHeaders();
        return address == null ? remote.getHostString() : addresses.of(address, name -> lines(headers, name));
    }

    /** Most requests have no such header, and Netty makes a list for any it is asked for. */
    private static List<String> lines(HttpHeaders headers, String name) {
        return headers.contains(name) ? headers.getAll(name) : List.of();
    }
}
