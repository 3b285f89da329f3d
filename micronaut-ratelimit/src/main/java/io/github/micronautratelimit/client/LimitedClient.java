package io.github.micronautratelimit.client;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.configuration.ClientConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.context.exceptions.ConfigurationException;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The limits of the calls to one service; see {@link ClientConfiguration}.
 *
 * @param name         its name in the configuration
 * @param serviceIds   the identifiers of the service
 * @param hosts        its hosts in lower case, with or without a port
 * @param policy       the limits
 * @param partition    the key template, or {@code null} if all calls count together
 * @param maxWait      the longest time for which a call waits; zero if it does not
 * @param retries      how often a call is repeated
 * @param retryMethods the HTTP methods that are repeated
 * @param learn        whether answers hold back calls
 * @param maxHoldBack  the longest time for which they do
 */
record LimitedClient(
        String name,
        Set<String> serviceIds,
        Set<String> hosts,
        Policy policy,
        @Nullable KeyTemplate partition,
        Duration maxWait,
        int retries,
        Set<String> retryMethods,
        boolean learn,
        Duration maxHoldBack) {

    private static final int MOST_RETRIES = 10;
    private static final Duration LONGEST_WAIT = Duration.ofHours(1);
    private static final Duration SHORTEST_HOLD = Duration.ofSeconds(1);
    private static final Duration LONGEST_HOLD = Duration.ofHours(24);
    private static final Duration DEFAULT_HOLD = new ClientConfiguration("").getMaxHoldBack();

    /** Reads a client; throws a {@link ConfigurationException} with the name of the invalid property. */
    static LimitedClient read(ClientConfiguration configuration, RateLimitConfiguration general) {
        String prefix = "ratelimit.clients." + configuration.getName();
        Duration maxWait = maxWait(configuration, prefix);
        return new LimitedClient(
                configuration.getName(),
                serviceIds(configuration),
                hosts(configuration, prefix),
                policy(configuration, general, prefix),
                partition(configuration, prefix),
                maxWait,
                retries(configuration, maxWait, prefix),
                retryMethods(configuration, prefix),
                configuration.isLearn(),
                maxHoldBack(configuration, prefix));
    }

    private static ConfigurationException wrong(String property, Object value, String advice) {
        return new ConfigurationException(property + " = \"" + value + "\": " + advice);
    }

    private static Set<String> serviceIds(ClientConfiguration configuration) {
        return configuration.getServiceId().isEmpty() && configuration.getHost().isEmpty()
                ? Set.of(configuration.getName())
                : new LinkedHashSet<>(configuration.getServiceId());
    }

    private static Set<String> hosts(ClientConfiguration configuration, String prefix) {
        Set<String> hosts = new LinkedHashSet<>();
        for (String host : configuration.getHost()) {
            String lowerCase = host.toLowerCase(Locale.ROOT);
            if (!isHost(lowerCase)) {
                throw wrong(
                        prefix + ".host",
                        host,
                        "this is not a host; write one without scheme and path, such as api.example.com or"
                                + " api.example.com:8443.");
            }
            hosts.add(lowerCase);
        }
        return hosts;
    }

    private static boolean isHost(String text) {
        try {
            URI uri = new URI("http://" + text + "/");
            return uri.getHost() != null
                    && uri.getUserInfo() == null
                    && uri.getRawPath().equals("/")
                    && text.equals(uri.getPort() < 0 ? uri.getHost() : uri.getHost() + ":" + uri.getPort());
        } catch (URISyntaxException e) {
            return false;
        }
    }

    private static Policy policy(ClientConfiguration configuration, RateLimitConfiguration general, String prefix) {
        if (configuration.getLimits().isEmpty()) {
            throw new ConfigurationException(
                    prefix + ".limits is missing; write what the service allows, such as \"10/s burst 1\".");
        }
        LimitSet limits;
        try {
            limits = LimitSet.parseAll(configuration.getLimits());
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ".limits = " + e.getMessage(), e);
        }
        if (limits.rateLimits().isEmpty()) {
            throw wrong(
                    prefix + ".limits",
                    limits,
                    "a concurrency limit alone cannot hold calls back; add a rate limit such as \"10/s\".");
        }
        try {
            return Policy.of("clients." + configuration.getName(), limits)
                    .withOnError(configuration.findOnError().orElse(general.getOnError()));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ": " + e.getMessage(), e);
        }
    }

    private static @Nullable KeyTemplate partition(ClientConfiguration configuration, String prefix) {
        String text = configuration.getPartition();
        if (text == null) {
            return null;
        }
        KeyTemplate template;
        try {
            template = KeyTemplate.parse(text);
            LimitCheck.requireBraces(template);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(prefix + ".partition = " + e.getMessage(), e);
        }
        for (KeyTemplate.Part part : template.parts()) {
            if (!OutgoingRequest.SOURCES.contains(part.source())) {
                throw wrong(
                        prefix + ".partition",
                        text,
                        "an outgoing request has no " + part + "; write {bearer-token}, {api-key}, {header:NAME} or"
                                + " {query:NAME}.");
            }
        }
        return template;
    }

    private static Duration maxWait(ClientConfiguration configuration, String prefix) {
        Duration maxWait = configuration.findMaxWait().orElse(Duration.ZERO);
        if (configuration.findMaxWait().isPresent()
                && (maxWait.compareTo(Duration.ZERO) <= 0 || maxWait.compareTo(LONGEST_WAIT) > 0)) {
            throw wrong(prefix + ".max-wait", maxWait, "write a duration of more than 0s and at most 1h, such as 2s.");
        }
        return maxWait;
    }

    private static int retries(ClientConfiguration configuration, Duration maxWait, String prefix) {
        int retries = configuration.getRetry();
        if (retries < 0 || retries > MOST_RETRIES) {
            throw wrong(prefix + ".retry", retries, "write how often a call is repeated, 0 to " + MOST_RETRIES + ".");
        }
        if (retries > 0 && maxWait.isZero()) {
            throw wrong(
                    prefix + ".retry",
                    retries,
                    "a call that does not wait is never repeated; add " + prefix + ".max-wait, such as 2s.");
        }
        return retries;
    }

    private static Set<String> retryMethods(ClientConfiguration configuration, String prefix) {
        Set<String> methods = new LinkedHashSet<>(configuration.getRetryMethods());
        for (String method : methods) {
            if (!method.matches("[A-Z]{1,20}")) {
                throw wrong(
                        prefix + ".retry-methods",
                        method,
                        "write the names of HTTP methods in upper case, such as [GET, PUT].");
            }
        }
        if (configuration.getRetry() == 0
                && !configuration.getRetryMethods().equals(new ClientConfiguration("").getRetryMethods())) {
            throw wrong(
                    prefix + ".retry-methods",
                    String.join(",", methods),
                    "no call is repeated; add " + prefix + ".retry, or remove this property.");
        }
        return methods;
    }

    private static Duration maxHoldBack(ClientConfiguration configuration, String prefix) {
        Duration longest = configuration.getMaxHoldBack();
        if (longest.compareTo(SHORTEST_HOLD) < 0 || longest.compareTo(LONGEST_HOLD) > 0) {
            throw wrong(prefix + ".max-hold-back", longest, "write a duration from 1s to 24h, such as 5m.");
        }
        if (!configuration.isLearn() && !longest.equals(DEFAULT_HOLD)) {
            throw wrong(
                    prefix + ".max-hold-back",
                    longest,
                    "no answer holds calls back; remove " + prefix + ".learn, or this property.");
        }
        return longest;
    }
}
