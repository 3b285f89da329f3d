package io.github.micronautratelimit.http;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.Allowance;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;
import io.micronaut.web.router.RouteAttributes;
import io.micronaut.web.router.Router;
import io.micronaut.web.router.UriRouteMatch;
import io.micronaut.web.router.exceptions.DuplicateRouteException;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Finds the limits of a request that an operator has described, as {@link RequestLimiter} finds those of a request of a
 * client. Decides nothing and calls no store.
 */
@Internal
@Singleton
@RequiresRateLimit
public final class RequestExplanation {

    private final RouteLimits routes;
    private final Router router;
    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    private final MicroClock clock;

    /** The time at which a limit is enforced. */
    public enum Stage {
        /** Before authentication. */
        BEFORE_AUTHENTICATION,
        /** After authentication. */
        AFTER_AUTHENTICATION,
        /** At the call of the method, whose arguments decide the key or the cost. */
        CALL
    }

    /**
     * A limit that applies.
     *
     * @param limit       the limit, or that of the case that matches
     * @param stage       the time at which it is enforced
     * @param key         the key; {@code null} if it is unknown, or counts nothing
     * @param permits     the cost; 0 if it is unknown, or counts nothing
     * @param explanation the limits of the key and their origin; {@code null} if the key is unknown, or no limit of the
     *                    policy counts
     * @param kind        whether limits decide
     */
    public record AppliedLimit(
            LimitBinding limit,
            Stage stage,
            @Nullable String key,
            long permits,
            EffectivePolicyResolver.@Nullable Explanation explanation,
            Allowance.Kind kind) {}

    /**
     * The limits of a request.
     *
     * @param route   the method of the route; {@code null} if no route matches
     * @param applied the limits that apply
     * @param exempt  the policies with cases that exempt the client
     */
    public record Explained(@Nullable String route, List<AppliedLimit> applied, List<LimitBinding> exempt) {}

    RequestExplanation(
            RouteLimits routes, Router router, KeyResolution keys, EffectivePolicyResolver policies, MicroClock clock) {
        this.routes = routes;
        this.router = router;
        this.keys = keys;
        this.policies = policies;
        this.clock = clock;
    }

    /**
     * Finds the limits of a request.
     *
     * @param request the request
     * @return its limits
     * @throws IllegalArgumentException if the request lacks a value that a limit needs; the message says what to add
     */
    public Explained explain(DescribedRequest request) {
        UriRouteMatch<?, ?> match;
        try {
            match = router.findClosest(request);
        } catch (DuplicateRouteException e) {
            throw new IllegalArgumentException(
                    "The request matches several routes; add headers such as \"Accept\".", e);
        }
        if (match != null) {
            RouteAttributes.setRouteMatch(request, match);
        }
        List<AppliedLimit> applied = new ArrayList<>();
        List<LimitBinding> exempt = new ArrayList<>();
        StagedLimits limits = routes.of(request);
        if (limits != null) {
            WebRequest web = keys.of(request);
            limits.beforeAuthentication()
                    .forEach(limit -> add(limit, Stage.BEFORE_AUTHENTICATION, request, web, applied, exempt));
            limits.afterAuthentication()
                    .forEach(limit -> add(limit, Stage.AFTER_AUTHENTICATION, request, web, applied, exempt));
            limits.atCall().forEach(limit -> add(limit, Stage.CALL, request, web, applied, exempt));
        }
        return new Explained(routes.nameOf(request), applied, exempt);
    }

    private void add(
            LimitBinding limit,
            Stage stage,
            HttpRequest<?> request,
            WebRequest web,
            List<AppliedLimit> applied,
            List<LimitBinding> exempt) {
        List<LimitBinding> matching =
                limit.cases() == null ? List.of(limit) : limit.cases().of(web, clock);
        if (matching.isEmpty()) {
            exempt.add(limit);
        }
        for (LimitBinding one : matching) {
            applied.add(applied(one, stage, request, web));
        }
    }

    private AppliedLimit applied(LimitBinding limit, Stage stage, HttpRequest<?> request, WebRequest web) {
        if (limit.kind() != Allowance.Kind.LIMITED || stage == Stage.CALL) {
            return new AppliedLimit(limit, stage, null, 0, null, limit.kind());
        }
        String key = keys.keyOf(Objects.requireNonNull(limit.key()), web);
        EffectivePolicyResolver.Explanation explanation = policies.explain(limit.policy(), key, request);
        return new AppliedLimit(limit, stage, key, keys.permitsOf(limit.cost(), web), explanation, explanation.kind());
    }
}
