package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.WebRequest;
import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Metadata;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The values of a gRPC call that keys and costs may contain: the address of the client and the text metadata. A name
 * that no metadata can have has no value.
 *
 * @param metadata  the metadata that the client has sent
 * @param transport the attributes of the connection
 * @param addresses finds the client behind trusted proxies
 */
record GrpcRequest(Metadata metadata, Attributes transport, ClientAddress addresses) implements WebRequest {

    @Override
    public String address() {
        InetAddress peer = transport.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) instanceof InetSocketAddress socket
                ? socket.getAddress()
                : null;
        return addresses.of(peer, this::headerLines);
    }

    @Override
    public @Nullable String header(String name) {
        Metadata.Key<String> key = key(name);
        if (key == null) {
            return null;
        }
        Iterable<String> lines = metadata.getAll(key);
        return lines == null ? null : lines.iterator().next();
    }

    @Override
    public List<String> headerLines(String name) {
        Metadata.Key<String> key = key(name);
        Iterable<String> lines = key == null ? null : metadata.getAll(key);
        if (lines == null) {
            return List.of();
        }
        List<String> all = new ArrayList<>();
        lines.forEach(all::add);
        return List.copyOf(all);
    }

    /** Binary metadata are not texts. */
    private static Metadata.@Nullable Key<String> key(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        try {
            return lower.endsWith(Metadata.BINARY_HEADER_SUFFIX)
                    ? null
                    : Metadata.Key.of(lower, Metadata.ASCII_STRING_MARSHALLER);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
