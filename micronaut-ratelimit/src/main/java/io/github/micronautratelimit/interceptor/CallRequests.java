package io.github.micronautratelimit.interceptor;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.messaging.MessageListeners;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.aop.MethodInvocationContext;
import io.micronaut.core.expressions.EvaluatedExpression;
import io.micronaut.core.expressions.ExpressionEvaluationContext;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.context.ServerRequestContext;
import io.micronaut.inject.annotation.EvaluatedAnnotationMetadata;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates the permit requests of a method call. Keys and costs come from the arguments of the call or from the current
 * HTTP request, if there is one.
 */
@Singleton
@RequiresRateLimit
final class CallRequests {

    private static final Logger LOG = LoggerFactory.getLogger(CallRequests.class);

    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    /** Policies whose missing key was logged. Bounded by the number of policies. */
    private final Set<String> logged = ConcurrentHashMap.newKeySet();

    CallRequests(KeyResolution keys, EffectivePolicyResolver policies) {
        this.keys = keys;
        this.policies = policies;
    }

    /**
     * Returns one permit request per limit.
     *
     * @return the permit requests; none if the call is exempt
     * @throws RateLimitExceededException if a limit has no key for this call, or the configuration denies it
     */
    List<PermitRequest> of(MethodInvocationContext<Object, Object> call, List<LimitBinding> written) {
        HttpRequest<?> request = ServerRequestContext.currentRequest().orElse(null);
        WebRequest web = request == null ? null : keys.of(request);
        if (web == null) {
            requireNoRequest(written);
        }
        List<LimitBinding> limits = policies.matching(written, web, PermitRequest.Origin.METHOD);
        List<PermitRequest> requests = new ArrayList<>(limits.size());
        for (LimitBinding limit : limits) {
            long permits = permits(limit, call, web);
            String key = key(limit, call, web);
            if (key == null) {
                boolean message = MessageListeners.isListener(call);
                logMissingKey(limit, message);
                if (!message) {
                    throw denial(limit, permits);
                }
                key = RequestKeys.GLOBAL;
            }
            Policy policy = policies.of(limit.policy(), key, request, PermitRequest.Origin.METHOD);
            if (policy != null) {
                requests.add(new PermitRequest(policy, key, permits, PermitRequest.Origin.METHOD));
            }
        }
        return requests;
    }

    /** Denies a call of a route by other code, outside a request, if a case needs the request. */
    private void requireNoRequest(List<LimitBinding> limits) {
        for (LimitBinding limit : limits) {
            if (limit.cases() != null && limit.cases().needsRequest()) {
                logMissingKey(limit, false);
                throw denial(limit, limit.cost().least());
            }
        }
    }

    /** Outside a request, a cost that depends on the request is the lower bound. */
    private long permits(LimitBinding limit, MethodInvocationContext<Object, Object> call, @Nullable WebRequest web) {
        if (limit.costExpression() != null) {
            return limit.cost().computed(evaluate(limit.costExpression(), call));
        }
        return web == null ? limit.cost().least() : keys.permitsOf(limit.cost(), web);
    }

    /** Falls back to the address of the client; returns {@code null} outside a request. */
    private @Nullable String key(
            LimitBinding limit, MethodInvocationContext<Object, Object> call, @Nullable WebRequest web) {
        if (limit.keyExpression() != null) {
            Object value = evaluate(limit.keyExpression(), call);
            if (value != null && !value.toString().isEmpty()) {
                return RequestKeys.key(value.toString());
            }
        } else if (limit.key() == null || limit.key().isGlobal()) {
            return RequestKeys.GLOBAL;
        } else if (web != null) {
            return keys.keyOf(limit.key(), web);
        } else if (limit.key().isText()) {
            return RequestKeys.textKey(limit.key().text());
        }
        return web == null ? null : RequestKeys.addressKey(web.address());
    }

    /** Messages are not denied, because a denied message would be lost. Those without a key share one. */
    private void logMissingKey(LimitBinding limit, boolean message) {
        if (!logged.add(limit.policy().name())) {
            return;
        }
        if (message) {
            LOG.warn(
                    "A message has no value for the key \"{}\" of the policy \"{}\". All such messages share one key. "
                            + "Further messages for which this policy has no value are not logged.",
                    limit.keyExpression(),
                    limit.policy().name());
        } else {
            logDenial(limit);
        }
    }

    private void logDenial(LimitBinding limit) {
        LOG.warn(
                "Denied a call under the policy \"{}\": its key \"{}\" has no value, and no request supplies an "
                        + "address. Further denials of this policy for this reason are not logged.",
                limit.policy().name(),
                limit.key() == null ? limit.keyExpression() : limit.key());
    }

    private static RateLimitExceededException denial(LimitBinding limit, long permits) {
        return new RateLimitExceededException(new Decisions(
                List.of(new PermitRequest(limit.policy(), RequestKeys.GLOBAL, permits, PermitRequest.Origin.METHOD)),
                List.of(new Decision.Denied(0, LimitState.NEVER, 0, List.of(), Decision.Source.FALLBACK))));
    }

    /** Returns {@code null} if the expression fails, for example because an argument is {@code null}. */
    private static @Nullable Object evaluate(
            EvaluatedExpression expression, MethodInvocationContext<Object, Object> call) {
        if (!(call.getAnnotationMetadata() instanceof EvaluatedAnnotationMetadata metadata)) {
            return null;
        }
        try {
            ExpressionEvaluationContext arguments = metadata.withArguments(call.getTarget(), call.getParameterValues())
                    .getEvaluationContext();
            return expression.evaluate(arguments);
        } catch (RuntimeException e) {
            return null;
        }
    }
}
