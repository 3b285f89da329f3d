package io.github.micronautratelimit.http;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.HttpStatus;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Decides on a request in two stages. Limits that need no user are enforced before authentication, so that failed
 * logins count. The others are enforced after it. If the second stage denies, the permits of the first are refunded.
 *
 * <p>The result of a stage is empty if the request may proceed. Otherwise it is the response, or fails with a
 * {@link RateLimitExceededException} that the framework handles.
 */
@Singleton
@RequiresRateLimit
final class RequestLimiter {

    private static final CompletableFuture<Optional<HttpResponse<?>>> PROCEED =
            CompletableFuture.completedFuture(Optional.empty());

    private final RouteLimits routes;
    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    private final RateLimiter limiter;
    private final RequestExecutor executor;
    private final ActiveLeases leases;
    private final DenialResponder denials;

    RequestLimiter(
            RouteLimits routes,
            KeyResolution keys,
            EffectivePolicyResolver policies,
            RateLimiter limiter,
            RequestExecutor executor,
            ActiveLeases leases,
            DenialResponder denials) {
        this.routes = routes;
        this.keys = keys;
        this.policies = policies;
        this.limiter = limiter;
        this.executor = executor;
        this.leases = leases;
        this.denials = denials;
    }

    CompletableFuture<Optional<HttpResponse<?>>> beforeAuthentication(HttpRequest<?> request) {
        StagedLimits limits = routes.of(request);
        return limits == null
                ? PROCEED
                : decide(request, RateLimitContext.begin(request, limits), limits.beforeAuthentication());
    }

    CompletableFuture<Optional<HttpResponse<?>>> afterAuthentication(HttpRequest<?> request) {
        RateLimitContext context = RateLimitContext.of(request);
        if (context == null) {
            return PROCEED;
        }
        CompletableFuture<Optional<HttpResponse<?>>> result =
                decide(request, context, context.limits().afterAuthentication());
        UpgradeHandler upgrade = context.limits().upgrade();
        if (upgrade == null) {
            return result;
        }
        return result.thenApply(denial -> {
            if (denial.isEmpty()) {
                upgrade.allowed(request);
            }
            return denial;
        });
    }

    private CompletableFuture<Optional<HttpResponse<?>>> decide(
            HttpRequest<?> request, RateLimitContext context, List<LimitBinding> limits) {
        if (limits.isEmpty()) {
            return PROCEED;
        }
        List<PermitRequest> permitRequests;
        try {
            permitRequests = permitRequests(request, context, limits);
        } catch (RateLimitExceededException e) {
            limiter.async().report(e.decisions());
            return CompletableFuture.completedFuture(deny(request, context, e.decisions(), true));
        }
        if (permitRequests.isEmpty()) {
            return PROCEED;
        }
        CompletableFuture<Lease> lease =
                limiter.async().leaseAllInTurn(permitRequests).toCompletableFuture();
        if (!lease.isDone() || lease.isCompletedExceptionally()) {
            CompletableFuture<Optional<HttpResponse<?>>> result = lease.thenApplyAsync(
                    decided -> conclude(request, context, decided, executor.keepsThread(request)),
                    executor.of(request));
            return AsyncRateLimiter.mayWait(permitRequests) ? untilDisconnected(request, lease, result) : result;
        }
        Optional<HttpResponse<?>> denial = conclude(request, context, lease.join(), true);
        return denial.isEmpty() ? PROCEED : CompletableFuture.completedFuture(denial);
    }

    /** Lets the request leave the queue if its client disconnects, and has not received a response. */
    private CompletableFuture<Optional<HttpResponse<?>>> untilDisconnected(
            HttpRequest<?> request,
            CompletableFuture<Lease> lease,
            CompletableFuture<Optional<HttpResponse<?>>> result) {
        Runnable remove = executor.onDisconnect(request, () -> lease.cancel(false));
        lease.whenComplete((decided, failure) -> remove.run());
        return result.exceptionallyCompose(failure -> lease.isCancelled()
                ? CompletableFuture.completedFuture(Optional.of(HttpResponse.status(HttpStatus.TOO_MANY_REQUESTS)))
                : CompletableFuture.failedFuture(failure));
    }

    private List<PermitRequest> permitRequests(
            HttpRequest<?> request, RateLimitContext context, List<LimitBinding> written) {
        WebRequest web = keys.of(request);
        PermitRequest.Origin origin =
                context.limits().upgrade() == null ? PermitRequest.Origin.HTTP : PermitRequest.Origin.WS_CONNECTION;
        List<LimitBinding> limits = policies.matching(written, web, origin);
        if (limits.size() == 1) {
            PermitRequest only = permitRequest(request, web, context, limits.get(0), origin);
            return only == null ? List.of() : List.of(only);
        }
        List<PermitRequest> requests = new ArrayList<>(limits.size());
        for (LimitBinding limit : limits) {
            PermitRequest one = permitRequest(request, web, context, limit, origin);
            if (one != null) {
                requests.add(one);
            }
        }
        return requests;
    }

    /** Returns {@code null} if the key is unlimited. */
    private @Nullable PermitRequest permitRequest(
            HttpRequest<?> request,
            WebRequest web,
            RateLimitContext context,
            LimitBinding limit,
            PermitRequest.Origin origin) {
        context.estimate(limit);
        String key = keys.keyOf(Objects.requireNonNull(limit.key()), web);
        Policy policy = policies.of(limit.policy(), key, request, origin);
        return policy == null ? null : new PermitRequest(policy, key, keys.permitsOf(limit.cost(), web), origin);
    }

    private Optional<HttpResponse<?>> conclude(
            HttpRequest<?> request, RateLimitContext context, Lease lease, boolean onRequestThread) {
        if (!lease.allowed()) {
            return deny(request, context, lease.decisions(), onRequestThread);
        }
        context.allowed(lease.decisions());
        if (lease.hasSlots()) {
            context.slots().hold(lease, leases::add);
            context.slots().onEnd(executor.onDisconnect(request, context.slots()::end));
        }
        return Optional.empty();
    }

    private Optional<HttpResponse<?>> deny(
            HttpRequest<?> request, RateLimitContext context, Decisions denial, boolean onRequestThread) {
        Decisions earlier = context.denied(denial);
        if (earlier != null) {
            limiter.async().refund(earlier);
            context.slots().end();
            context.slots().complete();
        }
        UpgradeHandler upgrade = context.limits().upgrade();
        if (upgrade != null) {
            upgrade.denied(request, denial);
        }
        RateLimitExceededException exception = new RateLimitExceededException(denial);
        if (onRequestThread) {
            return Optional.of(denials.respond(request, exception));
        }
        throw exception;
    }
}
