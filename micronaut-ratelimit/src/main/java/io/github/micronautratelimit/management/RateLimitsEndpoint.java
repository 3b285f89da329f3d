package io.github.micronautratelimit.management;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
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
        try {
            return switch (action) {
                case "peek" -> standing(target(sent, Set.of()));
                case "reset", "unblock" -> {
                    Target target = target(sent, Set.of());
                    yield then(limiter.resetAsync(target.policy, target.key), target);
                }
                case "block" -> {
                    Target target = target(sent, Set.of(DURATION));
                    yield then(limiter.blockAsync(target.policy, target.key, duration(sent)), target);
                }
                default -> throw new HttpStatusException(HttpStatus.NOT_FOUND,
                        "There is no action \"" + action + "\"; POST to peek, reset, block or unblock.");
            };
        } catch (IllegalArgumentException e) {
            throw new HttpStatusException(HttpStatus.BAD_REQUEST, e.getMessage());
        }
    }

    /** A key of a policy, with the numbers that hold for it. */
    private record Target(Policy policy, String key) {
    }

    private Target target(Map<String, Object> sent, Set<String> further) {
        Identity identity = Identity.of(sent, further);
        String name = Identity.text(sent, "policy");
        if (name == null) {
            throw new IllegalArgumentException("\"policy\" is missing; write one of " + catalog.all().keySet() + ".");
        }
        Catalog.Entry found = catalog.find(name).orElseThrow(() -> new HttpStatusException(HttpStatus.NOT_FOUND,
                "There is no policy \"" + name + "\"; write one of " + catalog.all().keySet() + "."));
        String key = identity.keyUnder(found, addresses);
        return new Target(choice.of(found.policy(), key, null), key);
    }

    private Duration duration(Map<String, Object> sent) {
        String text = Identity.text(sent, DURATION);
        return conversions.convert(text, Duration.class)
                .filter(duration -> !duration.isNegative() && !duration.isZero() && duration.compareTo(Limit.MAX_PERIOD) <= 0)
                .orElseThrow(() -> new IllegalArgumentException((text == null ? "\"duration\" is missing"
                        : "duration = \"" + text + "\" is no time from now on of 366 days at most")
                        + "; write one like \"30s\", \"10m\", \"2h\" or \"1d\"."));
    }

    private CompletionStage<Map<String, Object>> then(CompletionStage<Void> done, Target target) {
        return unlessAway(done).thenCompose(nothing -> standing(target));
    }

    /** How a key stands, which costs nothing. */
    private CompletionStage<Map<String, Object>> standing(Target target) {
        return unlessAway(limiter.peekAsync(target.policy, target.key, 1)).thenApply(decision -> {
            Map<String, Object> standing = new LinkedHashMap<>();
            standing.put("policy", target.policy.name());
            standing.put("keyHash", limiter.keyHash(target.key));
            standing.put("limits", Overview.texts(target.policy.limits()));
            standing.put("allowed", decision.allowed());
            standing.put("remaining", decision.remaining());
            if (decision.retryAfterMicros() != Decision.NEVER) {
                standing.put("retryAfterMillis", Overview.millis(decision.retryAfterMicros()));
            }
            standing.put("resetAfterMillis", Overview.millis(decision.resetAfterMicros()));
            standing.put("deniedBy", Overview.texts(decision.deniedBy()));
            standing.put("source", decision.source().name());
            return standing;
        });
    }

    /** A store that is away, or cannot do what it is asked, is no defect of this endpoint. */
    private static <T> CompletionStage<T> unlessAway(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedStage(new HttpStatusException(
                HttpStatus.SERVICE_UNAVAILABLE, "The store did not do it: " + message(failure))));
    }

    private static String message(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null
                ? String.valueOf(failure.getCause().getMessage()) : String.valueOf(failure.getMessage());
    }
}
