package io.github.micronautratelimit.key;

import java.security.Principal;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.context.BeanContext;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.cookie.Cookie;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.web.router.RouteAttributes;

/** A request of Micronaut's, on any of its servers. */
final class MicronautRequest implements WebRequest {

    private final HttpRequest<?> request;
    private final ClientAddressResolver addresses;
    private final BeanContext beans;
    private @Nullable String address;

    MicronautRequest(HttpRequest<?> request, ClientAddressResolver addresses, BeanContext beans) {
        this.request = request;
        this.addresses = addresses;
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
    public @Nullable String header(String name) {
        return request.getHeaders().get(name);
    }

    @Override
    public @Nullable String cookie(String name) {
        return request.getCookies().findCookie(name).map(Cookie::getValue).orElse(null);
    }

    @Override
    public @Nullable String query(String name) {
        return request.getParameters().get(name);
    }

    @Override
    public @Nullable String pathVariable(String name) {
        return RouteAttributes.getRouteMatch(request)
                .map(match -> match.getVariableValues().get(name))
                .map(Object::toString)
                .orElse(null);
    }

    @Override
    public @Nullable String custom(String name) {
        return beans.findBean(RateLimitKeyResolver.class, Qualifiers.byName(name))
                .flatMap(resolver -> resolver.resolve(request)).orElse(null);
    }
}
