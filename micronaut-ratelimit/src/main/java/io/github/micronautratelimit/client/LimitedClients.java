package io.github.micronautratelimit.client;

import io.github.micronautratelimit.configuration.ClientConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.configuration.WrittenNames;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.reflect.ClassUtils;
import io.micronaut.http.BasicHttpAttributes;
import io.micronaut.http.HttpRequest;
import java.net.URI;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The services of {@code ratelimit.clients}. An invalid one fails the start of the application. */
@Internal
@Context
@RequiresRateLimit
public final class LimitedClients {

    private static final String HTTP_CLIENT = "io.micronaut.http.client.exceptions.HttpClientResponseException";

    private final List<LimitedClient> clients;
    private final Map<String, LimitedClient> byServiceId = new HashMap<>();
    private final Map<String, LimitedClient> byHost = new HashMap<>();

    LimitedClients(RateLimitConfiguration general, List<ClientConfiguration> configured, Environment environment) {
        this.clients = WrittenNames.clients(configured, environment).stream()
                .map(configuration -> LimitedClient.read(configuration, general))
                .sorted(Comparator.comparing(LimitedClient::name))
                .toList();
        if (!clients.isEmpty() && !ClassUtils.isPresent(HTTP_CLIENT, LimitedClients.class.getClassLoader())) {
            throw new ConfigurationException("ratelimit.clients is configured, but Micronaut's HTTP client is missing;"
                    + " add the dependency io.micronaut:micronaut-http-client, or remove the property.");
        }
        for (LimitedClient client : clients) {
            add(client, client.serviceIds(), "service-id", byServiceId);
            add(client, client.hosts(), "host", byHost);
        }
    }

    private static void add(LimitedClient client, Set<String> names, String property, Map<String, LimitedClient> all) {
        for (String name : names) {
            LimitedClient other = all.putIfAbsent(name, client);
            if (other != null) {
                throw new ConfigurationException("ratelimit.clients." + client.name() + "." + property + " = \"" + name
                        + "\" is also that of ratelimit.clients." + other.name()
                        + "; write the limits of a service once.");
            }
        }
    }

    /** {@return all clients, ordered by name} */
    List<LimitedClient> all() {
        return clients;
    }

    /** Returns the client whose limits apply to a request; the identifier of the service decides before its host. */
    @Nullable
    LimitedClient find(HttpRequest<?> request) {
        if (clients.isEmpty()) {
            return null;
        }
        LimitedClient found = byServiceId.isEmpty()
                ? null
                : BasicHttpAttributes.getServiceId(request)
                        .map(byServiceId::get)
                        .orElse(null);
        return found == null && !byHost.isEmpty() ? ofHost(request.getUri()) : found;
    }

    private @Nullable LimitedClient ofHost(URI uri) {
        if (uri.getHost() == null) {
            return null;
        }
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        LimitedClient found = uri.getPort() < 0 ? null : byHost.get(host + ":" + uri.getPort());
        return found == null ? byHost.get(host) : found;
    }
}
