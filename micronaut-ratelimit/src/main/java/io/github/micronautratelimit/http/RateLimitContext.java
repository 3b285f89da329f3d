package io.github.micronautratelimit.http;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.PolicyCase;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.ExecutableMethod;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The limits of a request and the decisions on it so far, as an attribute of the request. The filters create it; the
 * interceptor adds its part. The threads of a request use it one after the other; only {@link #settle} may be called by
 * any thread.
 */
@Internal
public final class RateLimitContext {

    private static final String ATTRIBUTE = RateLimitContext.class.getName();

    private final StagedLimits limits;
    private final SlotRelease slots = new SlotRelease();
    private volatile @Nullable Decisions decisions;
    /** The policies whose cost is not a fixed number; few, and most requests have none. */
    private volatile Set<String> estimated = Set.of();

    private boolean methodCalled;
    private boolean ended;

    private RateLimitContext(StagedLimits limits) {
        this.limits = limits;
    }

    static RateLimitContext begin(HttpRequest<?> request, StagedLimits limits) {
        RateLimitContext context = new RateLimitContext(limits);
        request.setAttribute(ATTRIBUTE, context);
        return context;
    }

    /**
     * Returns the context of a request.
     *
     * @param request the request
     * @return {@code null} if no limit can apply to the request, or the filters have not run yet
     */
    public static @Nullable RateLimitContext of(HttpRequest<?> request) {
        return request.getAttributes().getValue(ATTRIBUTE) instanceof RateLimitContext context ? context : null;
    }

    StagedLimits limits() {
        return limits;
    }

    @Nullable
    Decisions decisions() {
        return decisions;
    }

    /** Adds the decisions of a stage that allowed the request. */
    void allowed(Decisions stage) {
        decisions = decisions == null ? stage : decisions.and(stage);
    }

    /**
     * Replaces the decisions by those of the stage that denied the request.
     *
     * @return the earlier decisions, whose permits must be refunded; {@code null} if there are none
     */
    @Nullable
    Decisions denied(Decisions stage) {
        Decisions earlier = decisions;
        decisions = stage;
        return earlier;
    }

    /**
     * Gives back the permits that the outcome of the request does not cost, the first time that it is called.
     *
     * @param limiter made the decisions
     * @param status  the status of the response
     * @param failure the exception that the response is about, or {@code null}
     */
    synchronized void ended(AsyncRateLimiter limiter, int status, @Nullable Throwable failure) {
        Decisions made = decisions;
        if (!ended && made != null) {
            decisions = limiter.applyOutcome(made, status, failure);
        }
        ended = true;
    }

    /**
     * Records that the permits of a limit are an estimate if its cost is not a fixed number.
     *
     * @param limit a limit of this request
     */
    public void estimate(LimitBinding limit) {
        if (limit.isEstimated()) {
            Set<String> more = new HashSet<>(estimated);
            more.add(limit.policy().name());
            estimated = more;
        }
    }

    /**
     * Replaces estimated permits by the real cost, each of them once. A settled charge is not given back by the
     * outcome.
     *
     * @param limiter made the decisions
     * @param policy  the name of a policy; {@code null} for all that have an estimated cost
     * @param actual  the permits really used
     */
    synchronized void settle(AsyncRateLimiter limiter, @Nullable String policy, long actual) {
        Decisions made = decisions;
        if (made == null || !made.allowed() || actual < 0) {
            return;
        }
        List<Decision> after = new ArrayList<>(made.list());
        for (int i = 0; i < after.size(); i++) {
            PermitRequest request = made.requests().get(i);
            String name = request.policy().name();
            if ((policy == null
                            ? estimated.contains(name)
                            : name.equals(policy) || PolicyCase.isNameOfCase(name, policy))
                    && after.get(i) instanceof Decision.Allowed allowed
                    && allowed.chargedAtMicros() != Decision.Allowed.UNKNOWN_TIME) {
                limiter.charge(request, allowed).ifPresent(charge -> limiter.settle(charge, actual));
                after.set(i, settled(request, allowed, actual));
            }
        }
        decisions = new Decisions(made.requests(), after);
    }

    /** Returns the decision as if the request had cost the real number of permits, with a charge that is used. */
    private static Decision settled(PermitRequest request, Decision.Allowed decision, long actual) {
        long most = request.policy().capacity();
        long remaining = decision.remaining() + request.permits() - Math.min(actual, most + request.permits());
        return new Decision.Allowed(
                Math.max(0, Math.min(most, remaining)), decision.resetAfterMicros(), decision.source());
    }

    /**
     * Returns the release of the slots of the request.
     *
     * @return always the same object
     */
    public SlotRelease slots() {
        return slots;
    }

    /**
     * Returns the limits that the filters have left to the interceptor, for the first call of the method of the route.
     * All limits apply to later calls, for example by the method itself.
     *
     * @param method the method that is called
     * @return {@code null} if it is not the method of the route, or not its first call
     */
    public @Nullable List<LimitBinding> takeLimitsAtCall(ExecutableMethod<?, ?> method) {
        if (methodCalled || !isOfRoute(method)) {
            return null;
        }
        methodCalled = true;
        return limits.atCall();
    }

    /**
     * Returns the class of the route.
     *
     * @return the class, or a proxy of it; {@code null} without a route
     */
    public @Nullable Class<?> routeClass() {
        return limits.routeClass();
    }

    /**
     * Adds the decisions of the interceptor, unless the call was of another method than that of the route.
     *
     * @param method  the method that is called
     * @param allowed the decisions
     * @return whether they were added, so that the outcome of the request is theirs
     */
    public boolean allowedAtCall(ExecutableMethod<?, ?> method, Decisions allowed) {
        boolean added = isOfRoute(method);
        if (added) {
            allowed(allowed);
        }
        return added;
    }

    /** Compares names and types, because the route and the interceptor may have different objects for one method. */
    private boolean isOfRoute(ExecutableMethod<?, ?> method) {
        ExecutableMethod<?, ?> route = limits.method();
        if (route == null || route == method) {
            return route != null;
        }
        Argument<?>[] routeArguments = route.getArguments();
        Argument<?>[] arguments = method.getArguments();
        boolean same = route.getDeclaringType() == method.getDeclaringType()
                && route.getMethodName().equals(method.getMethodName())
                && routeArguments.length == arguments.length;
        for (int i = 0; same && i < routeArguments.length; i++) {
            same = routeArguments[i].getType() == arguments[i].getType();
        }
        return same;
    }
}
