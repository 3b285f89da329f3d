package io.github.micronautratelimit.http;

import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpRequestWrapper;
import io.micronaut.http.cookie.ServerCookieDecoder;
import io.micronaut.http.simple.SimpleHttpRequest;
import java.net.InetSocketAddress;
import java.security.Principal;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A request that an operator has described and no client has sent. */
@Internal
public final class DescribedRequest extends HttpRequestWrapper<Object> {

    private final String method;
    private final @Nullable InetSocketAddress peer;
    private final @Nullable Principal user;

    /**
     * Creates a request.
     *
     * @param method  the name of the method
     * @param uri     the path and the query, which must be a valid URI
     * @param headers the lines of the headers by name
     * @param peer    the other end of the connection; {@code null} if the operator has not given it
     * @param user    the authenticated user, or {@code null}
     */
    public DescribedRequest(
            String method,
            String uri,
            Map<String, List<String>> headers,
            @Nullable InetSocketAddress peer,
            @Nullable Principal user) {
        super(request(method.toUpperCase(Locale.ROOT), uri, headers));
        this.method = method.toUpperCase(Locale.ROOT);
        this.peer = peer;
        this.user = user;
    }

    private static HttpRequest<Object> request(String method, String uri, Map<String, List<String>> headers) {
        SimpleHttpRequest<Object> request = new SimpleHttpRequest<>(HttpMethod.parse(method), uri, null);
        // Adding a cookie writes the header, which is therefore added last and as it is.
        headers.forEach((name, lines) -> {
            if (name.equalsIgnoreCase(HttpHeaders.COOKIE)) {
                lines.forEach(line -> ServerCookieDecoder.INSTANCE.decode(line).forEach(request::cookie));
            }
        });
        request.getHeaders().remove(HttpHeaders.COOKIE);
        headers.forEach(
                (name, lines) -> lines.forEach(line -> request.getHeaders().add(name, line)));
        return request;
    }

    @Override
    public String getMethodName() {
        return method;
    }

    @Override
    public InetSocketAddress getRemoteAddress() {
        if (peer == null) {
            throw new IllegalArgumentException("A limit depends on the client's address; write it as \"address\".");
        }
        return peer;
    }

    @Override
    public Optional<Principal> getUserPrincipal() {
        return Optional.ofNullable(user);
    }

    @Override
    public <T extends Principal> Optional<T> getUserPrincipal(Class<T> principalType) {
        return getUserPrincipal().filter(principalType::isInstance).map(principalType::cast);
    }
}
