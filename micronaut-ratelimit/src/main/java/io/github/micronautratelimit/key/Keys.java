package io.github.micronautratelimit.key;

import java.security.Principal;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.key.KeyTemplate.Part;
import io.micronaut.context.BeanContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.cookie.Cookie;
import io.micronaut.inject.qualifiers.Qualifiers;
import io.micronaut.web.router.RouteAttributes;
import jakarta.inject.Singleton;

/**
 * Fills key templates in from requests.
 *
 * <p>A template of one part gives the text it stands for, so that {@code {principal}} and code that asks for
 * {@code "alice"} mean the same key. Yet no two requests that differ in what a template names get the same key: an address
 * in place of something missing is marked, a text that reads as if it were is marked otherwise, and several parts are
 * written with their lengths.
 */
@Singleton
public class Keys {

    private static final Logger LOG = LoggerFactory.getLogger(Keys.class);

    private static final char FOUND = '=';
    private static final char REPLACED = '@';

    private final BeanContext beans;
    private final ClientAddressResolver addresses;
    private final Set<Part> failed = ConcurrentHashMap.newKeySet();

    Keys(BeanContext beans, ClientAddressResolver addresses) {
        this.beans = beans;
        this.addresses = addresses;
    }

    /**
     * Refuses a template that names a bean there is not.
     *
     * @param template the template
     * @param place    where it is written
     * @throws ConfigurationException if it does
     */
    public void check(KeyTemplate template, String place) {
        for (Part part : template.parts()) {
            if (part.source() == KeyTemplate.Source.BEAN && resolver(part.name()).isEmpty()) {
                throw new ConfigurationException("The key \"" + template + "\" of " + place + " names the bean \""
                        + part.name() + "\", but there is no RateLimitKeyResolver of that name; "
                        + "add @Named(\"" + part.name() + "\") to one.");
            }
        }
    }

    /**
     * Whether a template can be filled in only once the request is authenticated.
     *
     * @param template the template
     * @return {@code true} if it depends on the principal
     */
    public boolean afterAuthentication(KeyTemplate template) {
        return template.parts().stream().anyMatch(part -> switch (part.source()) {
            case PRINCIPAL, PRINCIPAL_OR_IP -> true;
            case BEAN -> resolver(part.name()).map(RateLimitKeyResolver::afterAuthentication).orElse(true);
            default -> false;
        });
    }

    /**
     * Fills a template in.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, HttpRequest<?> request) {
        if (template.parts().size() == 1) {
            Part part = template.parts().get(0);
            String value = find(part, request);
            return value == null ? addressKey(request) : key(value);
        }
        StringBuilder key = new StringBuilder();
        for (Part part : template.parts()) {
            String value = find(part, request);
            String text = value == null ? addresses.resolve(request) : value;
            key.append(value == null ? REPLACED : FOUND).append(text.length()).append(':').append(text);
        }
        return key.toString();
    }

    /**
     * A text as a key.
     *
     * @param found what says who is limited
     * @return the text; marked if it begins with a mark itself
     */
    public static String key(String found) {
        return !found.isEmpty() && (found.charAt(0) == REPLACED || found.charAt(0) == FOUND) ? FOUND + found : found;
    }

    /**
     * The client's address as a key, in place of one that could not be found.
     *
     * @param request the request
     * @return the key
     */
    public String addressKey(HttpRequest<?> request) {
        return REPLACED + addresses.resolve(request);
    }

    /**
     * What a template's only placeholder stands for.
     *
     * @param template a template of one part
     * @param request  the request
     * @return the text, or {@code null} if the request does not say
     */
    public @Nullable String valueOf(KeyTemplate template, HttpRequest<?> request) {
        return find(template.parts().get(0), request);
    }

    /** What a part stands for. Nothing a client sends, and nothing a user's own code throws, may fail the request. */
    private @Nullable String find(Part part, HttpRequest<?> request) {
        try {
            String found = read(part, request);
            return found == null || found.isEmpty() ? null : found;
        } catch (RuntimeException e) {
            if (failed.add(part)) {
                LOG.warn("{} \"{}\" of a rate limit key could not be read; the client's address stands in. "
                        + "Further failures of it are not logged.", part.source(), part.name(), e);
            }
            return null;
        }
    }

    private @Nullable String read(Part part, HttpRequest<?> request) {
        return switch (part.source()) {
            case TEXT -> part.name();
            case IP -> addresses.resolve(request);
            case PRINCIPAL, PRINCIPAL_OR_IP -> request.getUserPrincipal().map(Principal::getName).orElse(null);
            case HEADER -> request.getHeaders().get(part.name());
            case COOKIE -> request.getCookies().findCookie(part.name()).map(Cookie::getValue).orElse(null);
            case PATH -> RouteAttributes.getRouteMatch(request)
                    .map(match -> match.getVariableValues().get(part.name()))
                    .map(Object::toString)
                    .orElse(null);
            case BEAN -> resolver(part.name()).flatMap(resolver -> resolver.resolve(request)).orElse(null);
        };
    }

    private Optional<RateLimitKeyResolver> resolver(String name) {
        return beans.findBean(RateLimitKeyResolver.class, Qualifiers.byName(name));
    }
}
