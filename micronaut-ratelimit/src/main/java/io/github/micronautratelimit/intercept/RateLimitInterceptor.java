package io.github.micronautratelimit.intercept;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.LimitType;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.config.PolicyChoice;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.aop.InterceptedMethod;
import io.micronaut.aop.InterceptorBean;
import io.micronaut.aop.MethodInterceptor;
import io.micronaut.aop.MethodInvocationContext;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.core.expressions.EvaluatedExpression;
import io.micronaut.core.expressions.ExpressionEvaluationContext;
import io.micronaut.core.propagation.PropagatedContext;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.context.ServerRequestContext;
import io.micronaut.inject.annotation.EvaluatedAnnotationMetadata;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Enforces limits on calls: synchronous ones, and those that return a {@code CompletionStage}, a {@code Publisher} or
 * are suspending functions, for which each subscription counts.
 *
 * <p>Runs after validation and before caching: an invalid call costs nothing, a call answered from a cache counts. A call
 * of a route that the HTTP filter has counted is not counted again.
 */
@InterceptorBean(RateLimited.class)
@RequiresRateLimit
final class RateLimitInterceptor implements MethodInterceptor<Object, Object> {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitInterceptor.class);

    /** Between {@code InterceptPhase.VALIDATE} (-120) and {@code InterceptPhase.CACHE} (-100). */
    private static final int ORDER = -110;

    private final AnnotatedLimits annotated;
    private final Keys keys;
    private final PolicyChoice choice;
    private final RateLimiter limiter;
    private final RequestExecutor executors;
    private final ConversionService conversions;
    /** What has been warned of, once each: names of policies and methods, which are few. */
    private final Set<String> warned = ConcurrentHashMap.newKeySet();

    RateLimitInterceptor(AnnotatedLimits annotated, Keys keys, PolicyChoice choice, RateLimiter limiter,
                         RequestExecutor executors, ConversionService conversions) {
        this.annotated = annotated;
        this.keys = keys;
        this.choice = choice;
        this.limiter = limiter;
        this.executors = executors;
        this.conversions = conversions;
    }

    @Override
    public int getOrder() {
        return ORDER;
    }

    @Override
    public @Nullable Object intercept(MethodInvocationContext<Object, Object> context) {
        Uncounted uncounted = uncounted(context);
        if (uncounted.limits.isEmpty()) {
            return context.proceed();
        }
        InterceptedMethod call = InterceptedMethod.of(context, conversions);
        try {
            return switch (call.resultType()) {
                case SYNCHRONOUS -> {
                    AtEnd end = new AtEnd();
                    try {
                        require(context, uncounted, end, acquireBlocking(context, uncounted.limits));
                        yield call.interceptResult();
                    } finally {
                        end.end();
                    }
                }
                case COMPLETION_STAGE -> {
                    AtEnd end = new AtEnd();
                    CompletionStage<?> result = acquire(context, uncounted, end)
                            .thenCompose(granted -> call.interceptResultAsCompletionStage(this));
                    // Not what follows it: the caller may cancel the result itself.
                    result.whenComplete((value, failure) -> end.end());
                    yield call.handleResult(result);
                }
                case PUBLISHER -> call.handleResult(whenGranted(context, uncounted, call));
            };
        } catch (Exception e) {
            return call.handleException(e);
        }
    }

    /** Waits for the store, but never on a thread that must not wait. */
    private Lease acquireBlocking(MethodInvocationContext<Object, Object> context, List<AppliedLimit> limits) {
        List<Ask> asks = asks(context, limits);
        if (!Schedulers.isInNonBlockingThread()) {
            return limiter.leaseAll(asks);
        }
        Lease lease = limiter.leaseAllAtOnce(asks);
        boolean withoutStore = lease.decisions().each().stream()
                .anyMatch(decision -> decision.source() == Decision.Source.FALLBACK);
        if (withoutStore && warned.add(context.getExecutableMethod().getDescription(false))) {
            LOG.warn("{}.{} was called on an event loop, which must not wait for the rate limit store: the policy's "
                    + "on-error decided. Call it on another thread, for example under @ExecuteOn(TaskExecutors.BLOCKING), "
                    + "or let it return a CompletionStage or Publisher.",
                    context.getDeclaringType().getName(), context.getExecutableMethod().getDescription(true));
        }
        return lease;
    }

    private Publisher<?> whenGranted(MethodInvocationContext<Object, Object> context, Uncounted uncounted,
                                     InterceptedMethod call) {
        if (context.getReturnType().isSingleResult()) {
            return Mono.defer(() -> {
                AtEnd end = new AtEnd();
                return Mono.fromCompletionStage(acquire(context, uncounted, end))
                        .flatMap(granted -> Mono.from(call.interceptResultAsPublisher(this)))
                        .doFinally(signal -> end.end());
            });
        }
        return Flux.defer(() -> {
            AtEnd end = new AtEnd();
            return Mono.fromCompletionStage(acquire(context, uncounted, end))
                    .flatMapMany(granted -> Flux.from(call.interceptResultAsPublisher(this)))
                    .doFinally(signal -> end.end());
        });
    }

    /** Completes on a thread that the call may go on on, and within the caller's context. */
    private CompletionStage<Decisions> acquire(MethodInvocationContext<Object, Object> context, Uncounted uncounted,
                                               AtEnd end) {
        CompletableFuture<Lease> answer;
        try {
            answer = limiter.leaseAllAsync(asks(context, uncounted.limits)).toCompletableFuture();
        } catch (RateLimitExceededException e) {
            return CompletableFuture.failedFuture(e);
        }
        // Whoever cancels the call while the store is asked has no use for what comes.
        answer.thenAccept(lease -> keep(uncounted, end, lease));
        if (answer.isDone()) {
            return answer.thenApply(lease -> require(context, lease.decisions()));
        }
        Executor executor = executors.ofCaller(ServerRequestContext.currentRequest().orElse(null));
        PropagatedContext caller = PropagatedContext.getOrEmpty();
        return answer.thenApplyAsync(lease -> require(context, lease.decisions()),
                task -> executor.execute(caller.wrap(task)));
    }

    private static void require(MethodInvocationContext<Object, Object> context, Uncounted uncounted, AtEnd end,
                                Lease lease) {
        keep(uncounted, end, lease);
        require(context, lease.decisions());
    }

    /** Places are held until the end of the call; those of a route, until the end of the request. */
    private static void keep(Uncounted uncounted, AtEnd end, Lease lease) {
        if (lease.hasPlaces()) {
            (uncounted.ofRoute == null ? end : uncounted.ofRoute).add(lease::close);
        }
    }

    private static Decisions require(MethodInvocationContext<Object, Object> context, Decisions decisions) {
        if (!decisions.allowed()) {
            throw new RateLimitExceededException(decisions);
        }
        LimitedRequest request = limited();
        if (request != null) {
            request.granted(context.getExecutableMethod(), decisions);
        }
        return decisions;
    }

    private static @Nullable LimitedRequest limited() {
        HttpRequest<?> request = ServerRequestContext.currentRequest().orElse(null);
        return request == null ? null : LimitedRequest.of(request);
    }

    /** The limits that nobody has enforced yet, and, if they are the route's, when the request ends. */
    private record Uncounted(List<AppliedLimit> limits, @Nullable AtEnd ofRoute) {
    }

    private Uncounted uncounted(MethodInvocationContext<Object, Object> context) {
        LimitedRequest request = limited();
        List<AppliedLimit> left = request == null ? null : request.takeLeft(context.getExecutableMethod());
        return left != null ? new Uncounted(left, request.atEnd())
                : new Uncounted(annotated.of(context.getTarget().getClass(), context.getExecutableMethod()), null);
    }

    private List<Ask> asks(MethodInvocationContext<Object, Object> context, List<AppliedLimit> limits) {
        HttpRequest<?> request = ServerRequestContext.currentRequest().orElse(null);
        WebRequest read = request == null ? null : keys.of(request);
        List<Ask> asks = new ArrayList<>(limits.size());
        for (AppliedLimit limit : limits) {
            long permits = permits(limit, context, read);
            String key = key(limit, context, read, permits);
            asks.add(new Ask(choice.of(limit.policy(), key, request), key, permits, LimitType.METHOD));
        }
        return asks;
    }

    /** What the call costs; what a request would say costs the least where there is none. */
    private long permits(AppliedLimit limit, MethodInvocationContext<Object, Object> context,
                         @Nullable WebRequest request) {
        if (limit.costExpression() != null) {
            return Cost.computed(evaluate(limit.costExpression(), context));
        }
        return request == null ? limit.cost().least() : keys.permitsOf(limit.cost(), request);
    }

    /** The key; without one, and without a client whose address could stand in, the call is denied. */
    private String key(AppliedLimit limit, MethodInvocationContext<Object, Object> context,
                       @Nullable WebRequest request, long permits) {
        if (limit.keyExpression() != null) {
            Object found = evaluate(limit.keyExpression(), context);
            if (found != null && !found.toString().isEmpty()) {
                return RequestKeys.key(found.toString());
            }
        } else if (limit.key() == null || limit.key().isEverybody()) {
            return RequestKeys.EVERYBODY;
        } else if (request != null) {
            return keys.keyOf(limit.key(), request);
        } else if (limit.key().isText()) {
            return RequestKeys.key(limit.key().text());
        }
        if (request != null) {
            return RequestKeys.addressKey(request.address());
        }
        if (warned.add(limit.policy().name())) {
            LOG.warn("A call under the policy \"{}\" is denied, as all like it: its key \"{}\" gives nothing, and there "
                    + "is no request whose address could stand in.", limit.policy().name(),
                    limit.key() == null ? limit.keyExpression() : limit.key());
        }
        throw new RateLimitExceededException(new Decisions(List.of(
                new Ask(limit.policy(), RequestKeys.EVERYBODY, permits, LimitType.METHOD)),
                List.of(new Decision.Denied(0, Decision.NEVER, 0, List.of(), Decision.Source.FALLBACK))));
    }

    /** What an expression gives; {@code null} also if it cannot be evaluated, as over an argument that is null. */
    private static @Nullable Object evaluate(EvaluatedExpression expression,
                                             MethodInvocationContext<Object, Object> context) {
        if (!(context.getAnnotationMetadata() instanceof EvaluatedAnnotationMetadata metadata)) {
            return null;
        }
        try {
            ExpressionEvaluationContext arguments = metadata
                    .withArguments(context.getTarget(), context.getParameterValues()).getEvaluationContext();
            return expression.evaluate(arguments);
        } catch (RuntimeException e) {
            return null;
        }
    }
}
