package io.github.micronautratelimit.key;

import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.context.BeanContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;
import java.security.Principal;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Resolves key templates and costs from Micronaut requests; see {@link RequestKeys}. */
@Singleton
public class KeyResolution {

    private final RequestKeys keys = new RequestKeys();
    private final BeanContext beans;
    private final ClientAddressResolver addresses;
    private final @Nullable UserAttributes users;

    KeyResolution(BeanContext beans, ClientAddressResolver addresses, @Nullable UserAttributes users) {
        this.beans = beans;
        this.addresses = addresses;
        this.users = users;
    }

    /**
     * Rejects a template that names a WebSocket connection or a bean that does not exist.
     *
     * @param template the template
     * @param location where it is configured
     * @throws ConfigurationException if the template is invalid
     */
    @Internal
    public void check(KeyTemplate template, String location) {
        if (template.isOfConnection()) {
            throw new ConfigurationException("The key \"" + template + "\" of " + location
                    + " contains {connection}, which only WebSocket messages have; use it on an @OnMessage method, and"
                    + " write {ip} or {principal} here.");
        }
        checkOfMessage(template, location);
    }

    /**
     * Rejects a template for WebSocket messages that names a bean that does not exist.
     *
     * @param template the template
     * @param location where it is configured
     * @throws ConfigurationException if the template is invalid
     */
    @Internal
    public void checkOfMessage(KeyTemplate template, String location) {
        for (Part part : template.parts()) {
            if (part.source() == KeyTemplate.Source.ROLE || part.source() == KeyTemplate.Source.CLAIM) {
                requireUserAttributes("The key \"" + template + "\" of " + location);
            }
            if (part.source() == KeyTemplate.Source.BEAN
                    && resolver(part.name()).isEmpty()) {
                throw new ConfigurationException("The key \"" + template + "\" of " + location + " names the bean \""
                        + part.name() + "\", but no RateLimitKeyResolver has that name; "
                        + "add @Named(\"" + part.name() + "\") to one.");
            }
        }
    }

    /**
     * Rejects the use of roles and claims without micronaut-security.
     *
     * @param subject the user of them, for the message
     * @throws ConfigurationException if there are no roles and claims
     */
    @Internal
    public void requireUserAttributes(String subject) {
        if (users == null) {
            throw new ConfigurationException(subject + " uses a role or claim, which only micronaut-security knows; add"
                    + " the dependency io.micronaut.security:micronaut-security, or use another value.");
        }
    }

    /**
     * Returns whether a template can be resolved only after authentication.
     *
     * @param template the template
     * @return {@code true} if it depends on the user
     */
    @Internal
    public boolean afterAuthentication(KeyTemplate template) {
        return template.parts().stream().anyMatch(this::afterAuthentication);
    }

    /**
     * Returns whether a cost can be resolved only after authentication.
     *
     * @param cost the cost
     * @return {@code true} if it depends on the user
     */
    @Internal
    public boolean afterAuthentication(Cost cost) {
        return cost.given() != null && afterAuthentication(cost.given());
    }

    private boolean afterAuthentication(Part part) {
        return switch (part.source()) {
            case PRINCIPAL, PRINCIPAL_OR_IP, ROLE, CLAIM -> true;
            case BEAN -> resolver(part.name())
                    .map(RateLimitKeyResolver::afterAuthentication)
                    .orElse(true);
            default -> false;
        };
    }

    /**
     * Returns a user as {@link io.micronaut.http.HttpRequest#getUserPrincipal()} would.
     *
     * @param name   the name
     * @param roles  the roles
     * @param claims the claims by name
     * @return the user
     * @throws IllegalArgumentException if there are roles or claims, and micronaut-security is missing
     */
    @Internal
    public Principal user(String name, Collection<String> roles, Map<String, Object> claims) {
        if (users == null) {
            if (!roles.isEmpty() || !claims.isEmpty()) {
                throw new IllegalArgumentException("The application has no micronaut-security, which knows roles and"
                        + " claims; omit \"roles\" and \"claims\".");
            }
            return () -> name;
        }
        return users.user(name, roles, claims);
    }

    /**
     * Adapts a request for the resolution of keys and costs.
     *
     * @param request the request
     * @return a view of the request, for use by one thread at a time
     */
    public WebRequest of(HttpRequest<?> request) {
        return new MicronautRequest(request, addresses, users, beans);
    }

    /**
     * Resolves a template.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, HttpRequest<?> request) {
        return keyOf(template, of(request));
    }

    /**
     * Resolves a template.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, WebRequest request) {
        return keys.keyOf(template, request);
    }

    /**
     * Resolves a cost.
     *
     * @param cost    the cost
     * @param request the request
     * @return the permits
     */
    public long permitsOf(Cost cost, WebRequest request) {
        return cost.permits(keys, request);
    }

    private Optional<RateLimitKeyResolver> resolver(String name) {
        return beans.findBean(RateLimitKeyResolver.class, Qualifiers.byName(name));
    }
}
