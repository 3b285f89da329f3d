package io.github.micronautratelimit.key;

import java.net.InetAddress;
import java.net.InetSocketAddress;

import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

/**
 * Says which address a request came from: that of the connection. What a client writes into headers is not believed.
 * Replace this bean to believe a proxy you run.
 */
@Singleton
public class ClientAddressResolver {

    /** What stands for a client whose address is not known, as in a test without a connection. */
    private static final String UNKNOWN = "unknown";

    /**
     * The client's address.
     *
     * @param request the request
     * @return a textual IP address, without port
     */
    public String resolve(HttpRequest<?> request) {
        InetSocketAddress remote = request.getRemoteAddress();
        if (remote == null) {
            return UNKNOWN;
        }
        InetAddress address = remote.getAddress();
        return address == null ? remote.getHostString() : address.getHostAddress();
    }
}
