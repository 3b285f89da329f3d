package io.github.micronautratelimit.factory;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.configuration.HttpConfiguration;
import io.github.micronautratelimit.configuration.RateLimitConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.policy.GeneratedNames;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.DenialResponses;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.RetryAfter;
import io.github.micronautratelimit.web.TrustedProxies;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.value.PropertyResolver;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.function.Supplier;

/** Creates the beans of the HTTP configuration. An invalid property fails the start of the application. */
@Factory
final class HttpFactory {

    /** Settings of the server that name headers of proxies. The server uses them for logs and links only. */
    private static final List<String> SERVER_HEADERS = List.of(
            "micronaut.server.client-address-header",
            "micronaut.server.host-resolution.host-header",
            "micronaut.server.host-resolution.protocol-header");

    private static final String SECRET = RateLimitConfiguration.PREFIX + ".secret";

    @Singleton
    ConfigurationWarnings configurationWarnings(HttpConfiguration configuration) {
        return checked("silence", () -> new ConfigurationWarnings(configuration.getSilence()));
    }

    @Context
    ClientAddress clientAddress(
            HttpConfiguration configuration, ConfigurationWarnings warnings, PropertyResolver properties) {
        TrustedProxies proxies = checked("trusted-proxies", () -> trusted(configuration.getTrustedProxies()));
        if (configuration.getTrustedProxies().isEmpty()) {
            SERVER_HEADERS.stream()
                    .filter(properties::containsProperty)
                    .findFirst()
                    .ifPresent(property -> warnings.warn(ConfigurationWarning.SERVER_HEADER_IGNORED, property));
        }
        String header = configuration.getForwardedHeader();
        if (header != null) {
            checked("forwarded-header", () -> {
                ClientAddress.requireHeader(header);
                return header;
            });
        }
        return checked(
                "ipv6-prefix", () -> new ClientAddress(proxies, header, configuration.getIpv6Prefix(), warnings));
    }

    private static TrustedProxies trusted(List<String> texts) {
        boolean number = texts.size() == 1 && texts.get(0).matches("-?\\d{1,9}");
        return number ? TrustedProxies.hops(Integer.parseInt(texts.get(0))) : TrustedProxies.within(texts);
    }

    @Singleton
    @RequiresRateLimit
    RateLimitHeaders rateLimitHeaders(HttpConfiguration configuration, MicroClock clock, GeneratedNames names) {
        return new RateLimitHeaders(
                configuration.getHeaders(), configuration.getLegacyReset(), clock::micros, names::shown);
    }

    @Context
    @RequiresRateLimit
    DenialResponses denialResponses(
            HttpConfiguration configuration,
            RateLimitConfiguration general,
            RateLimitHeaders headers,
            MicroClock clock) {
        RetryAfter retryAfter = checked(
                "retry-after-jitter or ratelimit.retry-after-spread",
                () -> new RetryAfter(
                        configuration.getRetryAfterJitter(),
                        configuration.getRetryAfterSpread(),
                        Math.max(1, general.getInstances()),
                        clock::micros));
        return checked(
                "status or ratelimit.unavailable-status",
                () -> new DenialResponses(
                        headers, configuration.getStatus(), configuration.getUnavailableStatus(), retryAfter));
    }

    @Singleton
    @Requires(property = SECRET)
    KeyHash.Secret keySecret(HttpConfiguration configuration) {
        return checked(
                "secret", () -> new KeyHash.Secret(configuration.findSecret().orElse("")));
    }

    private static <T> T checked(String property, Supplier<T> factory) {
        try {
            return factory.get();
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(RateLimitConfiguration.PREFIX + "." + property + ": " + e.getMessage(), e);
        }
    }
}
