package io.github.micronautratelimit.key;

import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.context.BeanContext;
import io.micronaut.http.HttpHeaders;
import io.micronaut.http.HttpMethod;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpVersion;
import io.micronaut.http.ServerHttpRequest;
import io.micronaut.http.body.ByteBody;
import io.micronaut.http.cookie.Cookie;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.RouteMatch;
import java.security.Principal;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Adapts a Micronaut request of any server. */
final class MicronautRequest implements WebRequest {

    private static final String API_KEY = "X-API-Key";
    private static final Set<HttpMethod> WITHOUT_BODY =
            Set.of(HttpMethod.GET, HttpMethod.HEAD, HttpMethod.OPTIONS, HttpMethod.TRACE);

    /** The package of bodies that have a length if, and only if, they are complete. */
    private static final String NETTY_BODIES = "io.micronaut.http.netty.body.";

    private final HttpRequest<?> request;
    private final ClientAddressResolver addresses;
    private final @Nullable UserAttributes users;
    private final BeanContext beans;
    private @Nullable String address;
    private @Nullable RequestPath path;

    MicronautRequest(
            HttpRequest<?> request,
            ClientAddressResolver addresses,
            @Nullable UserAttributes users,
            BeanContext beans) {
        this.request = request;
        this.addresses = addresses;
        this.users = users;
        this.beans = beans;
    }

    @Override
    public String address() {
        if (address == null) {
            address = addresses.resolve(request);
        }
        return address;
    }

    @Override
    public @Nullable String userName() {
        return request.getUserPrincipal().map(Principal::getName).orElse(null);
    }

    @Override
    public Collection<String> roles() {
        Principal user = request.getUserPrincipal().orElse(null);
        return user == null || users == null ? List.of() : users.roles(user);
    }

    @Override
    public @Nullable String claim(String name) {
        Principal user = request.getUserPrincipal().orElse(null);
        return user == null || users == null ? null : users.claim(user, name);
    }

    @Override
    public String method() {
        return request.getMethodName();
    }

    @Override
    public RequestPath path() {
        if (path == null) {
            path = new RequestPath(request.getPath());
        }
        return path;
    }

    /** An API key that the gateway of a function has verified takes precedence over the header. */
    @Override
    public @Nullable String header(String name) {
        String verified = verifiedKey(name);
        return verified != null ? verified : request.getHeaders().get(name);
    }

    @Override
    public List<String> headerLines(String name) {
        String verified = verifiedKey(name);
        return verified != null ? List.of(verified) : request.getHeaders().getAll(name);
    }

    private @Nullable String verifiedKey(String name) {
        return name.equalsIgnoreCase(API_KEY) ? addresses.apiKey(request) : null;
    }

    @Override
    public @Nullable String cookie(String name) {
        return request.getCookies().findCookie(name).map(Cookie::getValue).orElse(null);
    }

    @Override
    public List<String> cookieValues(String name) {
        return request.getCookies().getAll().stream()
                .filter(cookie -> cookie.getName().equals(name))
                .map(Cookie::getValue)
                .toList();
    }

    @Override
    public @Nullable String query(String name) {
        String text = request.getParameters().get(name);
        return text == null || text.isEmpty() ? text : RouteArgument.value(route(), name, text);
    }

    @Override
    public List<String> queryValues(String name) {
        return request.getParameters().getAll(name);
    }

    @Override
    public @Nullable String pathVariable(String name) {
        RouteMatch<?> route = route();
        Object value = route == null ? null : route.getVariableValues().get(name);
        return value == null ? null : RouteArgument.value(route, name, value.toString());
    }

    private @Nullable RouteMatch<?> route() {
        return RouteAttributes.getRouteMatch(request).orElse(null);
    }

    /**
     * HTTP/2 does not announce a body. Netty knows whether there is one; a servlet container knows only that there is
     * no length, and most methods without a length have no body.
     */
    @Override
    public boolean hasBodyOfUnknownSize() {
        HttpHeaders headers = request.getHeaders();
        if (isCompressed() || headers.contains(HttpHeaders.TRANSFER_ENCODING)) {
            return true;
        }
        boolean announced =
                request.getHttpVersion() == HttpVersion.HTTP_1_0 || request.getHttpVersion() == HttpVersion.HTTP_1_1;
        if (announced || headers.contains(HttpHeaders.CONTENT_LENGTH)) {
            return false;
        }
        if (!(request instanceof ServerHttpRequest<?> server)) {
            return !WITHOUT_BODY.contains(request.getMethod());
        }
        ByteBody body = server.byteBody();
        boolean exact = body.getClass().getName().startsWith(NETTY_BODIES);
        return body.expectedLength().orElse(1) > 0 && (exact || !WITHOUT_BODY.contains(request.getMethod()));
    }

    @Override
    public @Nullable String custom(String name) {
        return beans.findBean(RateLimitKeyResolver.class, Qualifiers.byName(name))
                .flatMap(resolver -> resolver.resolve(request))
                .orElse(null);
    }
}
