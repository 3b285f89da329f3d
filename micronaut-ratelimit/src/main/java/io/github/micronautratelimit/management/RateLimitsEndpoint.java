package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.config.PolicyChoice;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.web.ClientAddress;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.management.endpoint.annotation.Endpoint;
import io.micronaut.management.endpoint.annotation.Read;
import io.micronaut.management.endpoint.annotation.Selector;
import io.micronaut.management.endpoint.annotation.Sensitive;
import io.micronaut.management.endpoint.annotation.Write;

/**
 * The management endpoint {@code ratelimits}: GET tells which policies hold, POST looks at one key, resets or blocks it.
 *
 * <p>Whom an operator means travels in the body of a POST and nowhere else: paths and queries end up in access logs, and a
 * body of a DELETE may be dropped on its way (RFC 9110, section 9.3.5). It is hashed before anything is answered.
 */
@Endpoint(id = RateLimitsEndpoint.ID, defaultSensitive = true)
@RequiresRateLimit
final class RateLimitsEndpoint {

    static final String ID = "ratelimits";

    private static final String DURATION = "duration";

    private final Catalog catalog;
    private final Overview overview;
    private final RateLimiter limiter;
    private final PolicyChoice choice;
    private final ClientAddress addresses;
    private final ConversionService conversions;

    RateLimitsEndpoint(Catalog catalog, Overview overview, RateLimiter limiter, PolicyChoice choice,
                       ClientAddress addresses, ConversionService conversions) {
        this.catalog = catalog;
        this.overview = overview;
        this.limiter = limiter;
        this.choice = choice;
        this.addresses = addresses;
        this.conversions = conversions;
    }

    @Read
    Map<String, Object> policies() {
        return overview.toMap();
    }

    /** Does something with one key of a policy and answers how it stands then. */
    @Write
    @Sensitive(property = "write-sensitive")
    CompletionStage<Map<String, Object>> act(@Selector String action, @Body Map<String, Object> sent) {
        return switch (action) {
            case "peek" -> standing(target(sent));
            case "reset" -> {
                Target target = target(sent);
                yield after(limiter.resetAsync(target.policy, target.key), target);
            }
            case "block" -> {
                Target target = target(sent, DURATION);
                yield after(limiter.blockAsync(target.policy, target.key, duration(sent)), target);
            }
            case "unblock" -> {
                Target target = target(sent);
                yield after(limiter.resetAsync(target.policy, target.key), target);
            }
            default -> throw new HttpStatusException(HttpStatus.NOT_FOUND,
                    "There is no action \"" + action + "\"; POST to peek, reset, block or unblock.");
        };
    }

    private record Target(Policy policy, String key) {
    }
