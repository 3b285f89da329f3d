package io.github.micronautratelimit.config;

import java.util.List;
import java.util.function.Supplier;

import io.github.micronautratelimit.KeySecret;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.DenialAnswers;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.SetupWarnings;
import io.github.micronautratelimit.web.TrustedProxies;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import jakarta.inject.Singleton;

/** Makes what the settings of HTTP describe, and refuses wrong ones when the application starts. */
@Factory
final class HttpFactory {

    private static final String SECRET = RateLimitConfiguration.PREFIX + ".secret";

    @Singleton
    SetupWarnings setupWarnings(HttpConfiguration configuration) {
        return checked("silence", () -> new SetupWarnings(configuration.getSilence()));
    }

    @Context
    ClientAddress clientAddress(HttpConfiguration configuration, SetupWarnings warnings) {
        TrustedProxies proxies = checked("trusted-proxies", () -> trusted(configuration.getTrustedProxies()));
        return checked("ipv6-prefix", () -> new ClientAddress(proxies, configuration.getForwardedHeader(),
                configuration.getIpv6Prefix(), warnings));
    }

    private static TrustedProxies trusted(List<String> written) {
        boolean number = written.size() == 1 && written.get(0).matches("-?\\d{1,9}");
        return number ? TrustedProxies.hops(Integer.parseInt(written.get(0))) : TrustedProxies.within(written);
    }

    @Singleton
    @RequiresRateLimit
    RateLimitHeaders rateLimitHeaders(HttpConfiguration configuration, MicroClock clock) {
        return new RateLimitHeaders(configuration.getHeaders(), configuration.getLegacyReset(), clock::micros);
    }

    @Context
    @RequiresRateLimit
    DenialAnswers denialAnswers(HttpConfiguration configuration, RateLimitHeaders headers) {
        return checked("status or ratelimit.retry-after-jitter",
                () -> new DenialAnswers(headers, configuration.getStatus(), configuration.getRetryAfterJitter()));
    }

    @Singleton
    @Requires(property = SECRET)
    KeySecret keySecret(HttpConfiguration configuration) {
        return checked("secret", () -> new KeySecret(configuration.findSecret().orElse("")));
    }

    private static <T> T checked(String setting, Supplier<T> making) {
        try {
            return making.get();
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(
                    RateLimitConfiguration.PREFIX + "." + setting + ": " + e.getMessage(), e);
        }
    }
}
