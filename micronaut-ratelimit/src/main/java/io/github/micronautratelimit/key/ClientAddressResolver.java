package io.github.micronautratelimit.key;

import io.github.micronautratelimit.web.ClientAddress;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Resolves the address of a client: the address of the connection, or, if the peer is one of
 * {@code ratelimit.trusted-proxies}, the address that the proxy forwards. The peer of a UNIX domain socket counts as
 * {@code 127.0.0.1}. On AWS Lambda, it is the address that the event states. Replace this bean if requests arrive in
 * any other way.
 */
@Singleton
public class ClientAddressResolver {

    private final ClientAddress addresses;
    private final @Nullable FunctionEvents events;

    /**
     * Created by classes that extend this one. They read the events of functions themselves.
     *
     * @param addresses resolves addresses behind trusted proxies
     */
    public ClientAddressResolver(ClientAddress addresses) {
        this(addresses, null);
    }

    @Inject
    ClientAddressResolver(ClientAddress addresses, @Nullable FunctionEvents events) {
        this.addresses = addresses;
        this.events = events;
    }

    /**
     * Returns the address of the client.
     *
     * @param request the request
     * @return a textual IP address or prefix, without port; {@link ClientAddress#UNKNOWN} if the request has no
     *         connection, as in a test, or the address of the connection is unknown
     */
    public String resolve(HttpRequest<?> request) {
        String stated = events == null ? null : events.address(request);
        if (stated != null) {
            return stated;
        }
        HttpHeaders headers = request.getHeaders();
        InetSocketAddress remote;
        try {
            remote = request.getRemoteAddress();
        } catch (ClassCastException e) {
            // Netty's request assumes the address of an IP connection, but this is a UNIX socket.
            return addresses.of((InetAddress) null, name -> lines(headers, name));
        }
        if (remote == null) {
            return ClientAddress.UNKNOWN;
        }
        return remote.getAddress() == null
                ? addresses.of(remote.getHostString(), name -> lines(headers, name))
                : addresses.of(remote.getAddress(), name -> lines(headers, name));
    }

    /** Returns the API key that a gateway has verified, or {@code null}. */
    @Nullable
    String apiKey(HttpRequest<?> request) {
        return events == null ? null : events.apiKey(request);
    }

    /** Avoids the list that Netty creates for every header name, because most requests have no such header. */
    private static List<String> lines(HttpHeaders headers, String name) {
        return headers.contains(name) ? headers.getAll(name) : List.of();
    }
}
