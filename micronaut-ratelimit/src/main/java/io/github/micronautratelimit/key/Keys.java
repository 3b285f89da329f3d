package io.github.micronautratelimit.key;

import java.util.Optional;

import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.KeyTemplate.Part;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.context.BeanContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;

/**
 * Fills key templates in from Micronaut's requests; see {@link RequestKeys}.
 */
@Singleton
public class Keys {

    private final RequestKeys keys = new RequestKeys();
    private final BeanContext beans;
    private final ClientAddressResolver addresses;

    Keys(BeanContext beans, ClientAddressResolver addresses) {
        this.beans = beans;
        this.addresses = addresses;
    }

    /**
     * Refuses a template that names a bean there is not, or a connection.
     *
     * @param template the template
     * @param place    where it is written
     * @throws ConfigurationException if it does
     */
    public void check(KeyTemplate template, String place) {
        if (template.isOfConnection()) {
            throw new ConfigurationException("The key \"" + template + "\" of " + place + " names a connection, which only "
                    + "the messages of a WebSocket have; write {connection} on an @OnMessage method, and here {ip} or "
                    + "{principal}.");
        }
        checkOfMessage(template, place);
    }

    /**
     * Refuses a template that names a bean there is not. A message's may name its connection.
     *
     * @param template the template
     * @param place    where it is written
     * @throws ConfigurationException if it does
     */
    public void checkOfMessage(KeyTemplate template, String place) {
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
        return template.parts().stream().anyMatch(this::afterAuthentication);
    }

    /**
     * Whether a cost can be known only once the request is authenticated.
     *
     * @param cost the cost
     * @return {@code true} if it depends on the principal
     */
    public boolean afterAuthentication(Cost cost) {
        return cost.given() != null && afterAuthentication(cost.given());
    }

    private boolean afterAuthentication(Part part) {
        return switch (part.source()) {
            case PRINCIPAL, PRINCIPAL_OR_IP -> true;
            case BEAN -> resolver(part.name()).map(RateLimitKeyResolver::afterAuthentication).orElse(true);
            default -> false;
        };
    }

    /**
     * A request, as keys and costs are read from it.
     *
     * @param request the request
     * @return the same request
     */
    public WebRequest of(HttpRequest<?> request) {
        return new MicronautRequest(request, addresses, beans);
    }

    /**
     * Fills a template in.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, HttpRequest<?> request) {
        return keyOf(template, of(request));
    }

    /**
     * Fills a template in.
     *
     * @param template the template
     * @param request  the request
     * @return the key
     */
    public String keyOf(KeyTemplate template, WebRequest request) {
        return keys.keyOf(template, request);
    }

    /**
     * What a request costs.
     *
     * @param cost    how the cost is written
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
