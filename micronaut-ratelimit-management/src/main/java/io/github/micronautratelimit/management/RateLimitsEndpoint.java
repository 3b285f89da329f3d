package io.github.micronautratelimit.management;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.web.ClientAddress;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpStatus;
import io.micronaut.http.annotation.Body;
import io.micronaut.http.exceptions.HttpStatusException;
import io.micronaut.management.endpoint.annotation.Endpoint;
import io.micronaut.management.endpoint.annotation.Read;
import io.micronaut.management.endpoint.annotation.Selector;
import io.micronaut.management.endpoint.annotation.Sensitive;
import io.micronaut.management.endpoint.annotation.Write;
import java.security.Principal;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The management endpoint {@code ratelimits}. GET returns the current policies. POST peeks at, resets or blocks one
 * key, returns how a request would be decided, or gives a key or a policy other limits for a time.
 *
 * <p>Only the body of a POST identifies a key. Paths and queries are written to access logs, and intermediaries may
 * drop the body of a DELETE (RFC 9110, section 9.3.5). Responses contain the hash of the key.
 */
@Endpoint(id = RateLimitsEndpoint.ID, defaultSensitive = true)
@RequiresRateLimit
final class RateLimitsEndpoint {

    static final String ID = "ratelimits";

    private static final String DURATION = "duration";
    private static final String LIMITS = "limits";
    private static final String PERMITS = "permits";
    private static final String KEY_HASH = "keyHash";

    private final PolicyCatalog catalog;
    private final PolicyReport report;
    private final RateLimiter limiter;
    private final EffectivePolicyResolver resolver;
    private final ClientAddress addresses;
    private final ConversionService conversions;
    private final OverrideAction overriding;
    private final DryRun dryRun;

    RateLimitsEndpoint(
            PolicyCatalog catalog,
            PolicyReport report,
            RateLimiter limiter,
            EffectivePolicyResolver resolver,
            ClientAddress addresses,
            ConversionService conversions,
            OverrideAction overriding,
            DryRun dryRun) {
        this.dryRun = dryRun;
        this.overriding = overriding;
        this.catalog = catalog;
        this.report = report;
        this.limiter = limiter;
        this.resolver = resolver;
        this.addresses = addresses;
        this.conversions = conversions;
    }

    @Read
    Map<String, Object> policies() {
        return report.toMap();
    }

    /** Performs an action on one key of a policy and returns the state of the key afterwards. */
    @Write
    @Sensitive(property = "write-sensitive")
    CompletionStage<Map<String, Object>> act(
            @Selector String action, @Body Map<String, Object> body, HttpRequest<?> request) {
        SameSite.require(request);
        try {
            return switch (action) {
                case "peek" -> state(target(body, Set.of()));
                case "reset", "unblock" -> reset(target(body, Set.of()));
                case "block" -> block(target(body, Set.of(DURATION)), duration(body));
                case "dry-run" -> unavailableOnFailure(dryRun(body));
                case "reset-all" -> resetAll(body, operator(request));
                case "override" -> override(body, operator(request));
                case "remove-override" -> removeOverride(body, operator(request));
                default -> throw new HttpStatusException(
                        HttpStatus.NOT_FOUND,
                        "Unknown action \"" + action + "\"; the actions are peek, dry-run, reset, reset-all, block,"
                                + " unblock, override and remove-override.");
            };
        } catch (IllegalArgumentException e) {
            throw new HttpStatusException(HttpStatus.BAD_REQUEST, e.getMessage());
        }
    }

    /** A key and its policy, with the limits that apply to the key. */
    private record Target(Policy policy, String key) {}

    private Target target(Map<String, Object> body, Set<String> otherFields) {
        KeyQuery query = KeyQuery.of(body, otherFields);
        PolicyCatalog.Entry entry = entry(body);
        String key = query.keyUnder(entry, addresses);
        return new Target(resolver.forOperator(entry.policy(), key), key);
    }

    /** Returns the key of a policy that a body names, or all its keys if it names none. */
    private OverrideAction.Scope scope(Map<String, Object> body, Set<String> otherFields) {
        KeyQuery query = KeyQuery.of(body, otherFields);
        PolicyCatalog.Entry entry = entry(body);
        boolean ofKey = body.containsKey("key") || body.containsKey("address");
        return new OverrideAction.Scope(entry.policy(), ofKey ? query.keyUnder(entry, addresses) : null);
    }

    /** Also removes an override by the hash of its key, and that of a policy which no longer exists. */
    private CompletionStage<Map<String, Object>> removeOverride(Map<String, Object> body, String operator) {
        String policy = KeyQuery.text(body, "policy");
        boolean byHash = body.containsKey(KEY_HASH);
        if (policy == null || !byHash && catalog.find(policy).isPresent()) {
            return unavailableOnFailure(overriding.remove(scope(body, Set.of()), operator));
        }
        if (!Set.of("policy", KEY_HASH).containsAll(body.keySet())) {
            throw new IllegalArgumentException(
                    byHash
                            ? "\"keyHash\" names the key already; write only \"policy\" beside it."
                            : "The policy \"" + policy
                                    + "\" does not exist, so its keys cannot be read; write the hash that GET"
                                    + " returns as \"keyHash\".");
        }
        String name =
                catalog.find(policy).map(entry -> entry.policy().writtenName()).orElse(policy);
        return unavailableOnFailure(overriding.remove(overriding.named(name, KeyQuery.text(body, KEY_HASH)), operator));
    }

    private CompletionStage<Map<String, Object>> resetAll(Map<String, Object> body, String operator) {
        if (!body.keySet().equals(Set.of("policy"))) {
            throw new IllegalArgumentException(
                    "Write \"policy\" and nothing else, because all its keys are reset; to reset one key, use reset.");
        }
        return unavailableOnFailure(overriding.resetAll(entry(body).policy(), operator));
    }

    private CompletionStage<Map<String, Object>> override(Map<String, Object> body, String operator) {
        OverrideAction.Scope scope = scope(body, Set.of(LIMITS, DURATION));
        Duration duration = body.containsKey(DURATION) ? duration(body) : null;
        return unavailableOnFailure(overriding.set(scope, body.get(LIMITS), duration, operator));
    }

    /** Decides on a described request, or on one for permits of a key, without charging it. */
    private CompletionStage<Map<String, Object>> dryRun(Map<String, Object> body) {
        if (body.containsKey("path") == body.containsKey("policy")) {
            throw new IllegalArgumentException(
                    "Write either \"path\", and what else describes a request, or \"policy\" and" + " the key.");
        }
        if (body.containsKey("path")) {
            return dryRun.ofRequest(body);
        }
        KeyQuery query = KeyQuery.of(body, Set.of(PERMITS));
        PolicyCatalog.Entry entry = entry(body);
        return dryRun.ofKey(entry.policy(), query.keyUnder(entry, addresses), permits(body));
    }

    private static long permits(Map<String, Object> body) {
        String text = KeyQuery.text(body, PERMITS);
        if (text == null || text.matches("\\d{1,15}")) {
            return text == null ? 1 : Long.parseLong(text);
        }
        throw new IllegalArgumentException(
                "permits = \"" + text + "\" is not a whole number; write the cost of the request, such as 1.");
    }

    private static String operator(HttpRequest<?> request) {
        return request.getUserPrincipal().map(Principal::getName).orElse("an anonymous operator");
    }

    private PolicyCatalog.Entry entry(Map<String, Object> body) {
        String name = KeyQuery.text(body, "policy");
        if (name == null) {
            throw new IllegalArgumentException(
                    "\"policy\" is missing; write one of " + catalog.all().keySet() + ".");
        }
        return catalog.find(name)
                .orElseThrow(() -> new HttpStatusException(
                        HttpStatus.NOT_FOUND,
                        "Unknown policy \"" + name + "\"; write one of "
                                + catalog.all().keySet() + "."));
    }

    private Duration duration(Map<String, Object> body) {
        String text = KeyQuery.text(body, DURATION);
        return conversions
                .convert(text, Duration.class)
                .filter(duration ->
                        !duration.isNegative() && !duration.isZero() && duration.compareTo(Limit.MAX_PERIOD) <= 0)
                .orElseThrow(() -> new IllegalArgumentException((text == null
                                ? "\"duration\" is missing"
                                : "duration = \"" + text + "\" is not a positive duration of at most 366 days")
                        + "; write one like \"30s\", \"10m\", \"2h\" or \"1d\"."));
    }

    private CompletionStage<Map<String, Object>> reset(Target target) {
        return unavailableOnFailure(limiter.async().reset(target.policy, target.key))
                .thenCompose(nothing -> state(target));
    }

    private CompletionStage<Map<String, Object>> block(Target target, Duration duration) {
        return unavailableOnFailure(limiter.async().block(target.policy, target.key, duration))
                .thenCompose(nothing -> state(target));
    }

    /** Returns the state of a key, without charging it. */
    private CompletionStage<Map<String, Object>> state(Target target) {
        return unavailableOnFailure(limiter.async().peek(target.policy, target.key, 1))
                .thenApply(decision -> toMap(target, decision));
    }

    private Map<String, Object> toMap(Target target, Decision decision) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("policy", target.policy.name());
        map.put("keyHash", limiter.keyHash(target.key));
        map.put("limits", PolicyReport.texts(target.policy.rateLimits()));
        map.put("allowed", decision.allowed());
        map.put("remaining", decision.remaining());
        if (decision.retryAfterMicros() != LimitState.NEVER) {
            map.put("retryAfterMillis", PolicyReport.millis(decision.retryAfterMicros()));
        }
        map.put("resetAfterMillis", PolicyReport.millis(decision.resetAfterMicros()));
        map.put("deniedBy", PolicyReport.texts(decision.deniedBy()));
        map.put("source", decision.source().name());
        return map;
    }

    /** Answers 503 instead of 500 if the store is unavailable or does not support the action. */
    private static <T> CompletionStage<T> unavailableOnFailure(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedStage(new HttpStatusException(
                HttpStatus.SERVICE_UNAVAILABLE,
                "The store failed or does not support the action: "
                        + Futures.unwrap(failure).getMessage())));
    }
}
