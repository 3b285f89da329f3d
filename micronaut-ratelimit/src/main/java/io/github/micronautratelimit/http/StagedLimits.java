package io.github.micronautratelimit.http;

import io.github.micronautratelimit.policy.LimitBinding;
import io.micronaut.inject.ExecutableMethod;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The limits of a request by the stage that enforces them.
 *
 * @param method               the method of the route; {@code null} without a route
 * @param routeClass           the class of the route, or a proxy of it; {@code null} without a route
 * @param beforeAuthentication limits that need no user
 * @param afterAuthentication  limits whose key or cost depends on the user
 * @param atCall               limits whose key or cost depends on the arguments of the method; the interceptor enforces
 *                             them
 * @param upgrade              handles the upgrade if the request opens a WebSocket; otherwise {@code null}
 */
record StagedLimits(
        @Nullable ExecutableMethod<?, ?> method,
        @Nullable Class<?> routeClass,
        List<LimitBinding> beforeAuthentication,
        List<LimitBinding> afterAuthentication,
        List<LimitBinding> atCall,
        @Nullable UpgradeHandler upgrade) {

    static StagedLimits none(@Nullable ExecutableMethod<?, ?> method, @Nullable Class<?> routeClass) {
        return new StagedLimits(method, routeClass, List.of(), List.of(), List.of(), null);
    }

    boolean isEmpty() {
        return beforeAuthentication.isEmpty() && afterAuthentication.isEmpty() && atCall.isEmpty();
    }

    /** Appends the limits of path rules. */
    StagedLimits and(List<LimitBinding> before, List<LimitBinding> after) {
        return new StagedLimits(
                method,
                routeClass,
                joined(beforeAuthentication, before),
                joined(afterAuthentication, after),
                atCall,
                upgrade);
    }

    StagedLimits withUpgrade(UpgradeHandler handler) {
        return new StagedLimits(method, routeClass, beforeAuthentication, afterAuthentication, atCall, handler);
    }

    private static List<LimitBinding> joined(List<LimitBinding> limits, List<LimitBinding> further) {
        if (limits.isEmpty() || further.isEmpty()) {
            return limits.isEmpty() ? further : limits;
        }
        List<LimitBinding> all = new ArrayList<>(limits);
        all.addAll(further);
        return all;
    }
}
