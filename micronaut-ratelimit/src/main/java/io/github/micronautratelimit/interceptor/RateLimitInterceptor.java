package io.github.micronautratelimit.interceptor;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.http.RateLimitContext;
import io.github.micronautratelimit.http.RequestExecutor;
import io.github.micronautratelimit.http.SlotRelease;
import io.github.micronautratelimit.messaging.MessageListeners;
import io.github.micronautratelimit.policy.AnnotationLimits;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.micronaut.aop.InterceptedMethod;
import io.micronaut.aop.InterceptorBean;
import io.micronaut.aop.MethodInterceptor;
import io.micronaut.aop.MethodInvocationContext;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.core.propagation.PropagatedContext;
import io.micronaut.core.type.ReturnType;
import io.micronaut.http.context.ServerRequestContext;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Schedulers;

/**
 * Enforces limits on method calls. The methods may be synchronous, return a {@code CompletionStage} or a
 * {@code Publisher}, or be suspending functions. Each subscription to a publisher counts as a call, except that of a
 * route with several values, on which the call decides.
 *
 * <p>Runs after validation and before caching: an invalid call costs nothing, and a call answered from a cache counts.
 * If the HTTP filters have counted the call of a route, it is not counted again.
 */
@InterceptorBean(RateLimited.class)
@RequiresRateLimit
final class RateLimitInterceptor implements MethodInterceptor<Object, Object> {

    /** Between {@code InterceptPhase.VALIDATE} (-120) and {@code InterceptPhase.CACHE} (-100). */
    private static final int ORDER = -110;

    private static final Decisions NONE = new Decisions(List.of(), List.of());

    private final AnnotationLimits annotations;
    private final CallRequests requests;
    private final RateLimiter limiter;
    private final RequestExecutor executors;
    private final ConversionService conversions;
    private final SkippedCalls skipped;
    private final MessageCalls messages;
    private final ConfigurationWarnings warnings;

    RateLimitInterceptor(
            AnnotationLimits annotations,
            CallRequests requests,
            RateLimiter limiter,
            RequestExecutor executors,
            ConversionService conversions,
            SkippedCalls skipped,
            MessageCalls messages,
            ConfigurationWarnings warnings) {
        this.annotations = annotations;
        this.requests = requests;
        this.limiter = limiter;
        this.executors = executors;
        this.conversions = conversions;
        this.skipped = skipped;
        this.messages = messages;
        this.warnings = warnings;
    }

    @Override
    public int getOrder() {
        return ORDER;
    }

    /**
     * A call and the limits that the filters have not enforced.
     *
     * @param invocation the call
     * @param limits     the limits
     * @param request    the context of the request if the call is that of its route; otherwise {@code null}
     * @param message    the turn of the message if the method is a message listener; otherwise {@code null}
     */
    private record Call(
            MethodInvocationContext<Object, Object> invocation,
            List<LimitBinding> limits,
            @Nullable RateLimitContext request,
            MessageCalls.@Nullable Turn message) {}

    private Call call(MethodInvocationContext<Object, Object> invocation) {
        RateLimitContext request = currentContext();
        List<LimitBinding> limits = request == null ? null : request.takeLimitsAtCall(invocation.getExecutableMethod());
        return limits != null
                ? new Call(invocation, limits, request, null)
                : new Call(
                        invocation,
                        annotations.ofCalls(
                                invocation.getTarget(),
                                invocation.getExecutableMethod(),
                                request == null ? null : request.routeClass()),
                        null,
                        MessageListeners.isListener(invocation) ? messages.turn(invocation) : null);
    }

    private static @Nullable RateLimitContext currentContext() {
        return ServerRequestContext.currentRequest().map(RateLimitContext::of).orElse(null);
    }

    @Override
    public @Nullable Object intercept(MethodInvocationContext<Object, Object> invocation) {
        Call call = call(invocation);
        if (call.limits.isEmpty()) {
            return invocation.proceed();
        }
        if (call.message != null && call.message.isPostponed(call.limits)) {
            return null;
        }
        if (isOpaqueFuture(invocation.getReturnType().getType()) || isStreamOfRoute(call)) {
            return synchronous(call, invocation::proceed);
        }
        InterceptedMethod method = InterceptedMethod.of(invocation, conversions);
        try {
            return switch (method.resultType()) {
                case SYNCHRONOUS -> synchronous(call, method::interceptResult);
                case COMPLETION_STAGE -> method.handleResult(completionStage(call, method));
                case PUBLISHER -> method.handleResult(publisher(call, method));
            };
        } catch (Exception e) {
            return method.handleException(e);
        }
    }

    /**
     * Returns whether a type is a future that does not notify of its end, such as {@code Future} or {@code FutureTask}.
     * The framework would convert its value to a {@code CompletionStage} and fail.
     */
    private static boolean isOpaqueFuture(Class<?> type) {
        return Future.class.isAssignableFrom(type) && !CompletionStage.class.isAssignableFrom(type);
    }

    /**
     * Returns whether a call is that of a route which returns several values. The framework starts the response before
     * it subscribes, so a denial that the publisher signals would become a 500.
     */
    private static boolean isStreamOfRoute(Call call) {
        ReturnType<Object> result = call.invocation.getReturnType();
        return call.request != null && result.isReactive() && !result.isSingleResult();
    }

    private @Nullable Object synchronous(Call call, Supplier<@Nullable Object> proceed) {
        SlotRelease slots = new SlotRelease();
        try {
            Decisions charged;
            try {
                Lease lease = acquireBlocking(call);
                keepSlots(call, slots, lease);
                charged = requireAllowed(call, lease);
            } catch (RateLimitExceededException e) {
                if (skipped.isSkipped(call.invocation)) {
                    return null;
                }
                throw e;
            }
            return proceed(charged, proceed);
        } finally {
            endOf(slots);
        }
    }

    private @Nullable Object proceed(Decisions charged, Supplier<@Nullable Object> proceed) {
        try {
            Object result = proceed.get();
            ended(charged, null);
            return result;
        } catch (Throwable e) {
            ended(charged, e);
            throw e;
        }
    }

    private void ended(Decisions charged, @Nullable Throwable failure) {
        limiter.async().applyOutcome(charged, 0, failure);
    }

    private CompletionStage<?> completionStage(Call call, InterceptedMethod method) {
        SlotRelease slots = new SlotRelease();
        AtomicBoolean called = new AtomicBoolean();
        CompletableFuture<Decisions> acquired = acquire(call, slots);
        CompletableFuture<?> result = acquired.thenCompose(decisions -> {
            called.set(true);
            // The work goes on if the caller cancels the result.
            return method.interceptResultAsCompletionStage(this).whenComplete((value, failure) -> {
                ended(decisions, failure);
                slots.complete();
            });
        });
        // Returns the stage itself and not the dependent one, so that the caller can cancel the call.
        result.whenComplete((value, failure) -> {
            acquired.cancel(false);
            slots.end();
            if (!called.get()) {
                slots.complete();
            }
        });
        return result;
    }

    private Publisher<?> publisher(Call call, InterceptedMethod method) {
        if (call.invocation.getReturnType().isSingleResult()) {
            return Mono.defer(() -> {
                SlotRelease slots = new SlotRelease();
                return Mono.fromCompletionStage(acquire(call, slots))
                        .flatMap(decisions -> Mono.from(method.interceptResultAsPublisher(this))
                                .doOnSuccess(value -> ended(decisions, null))
                                .doOnError(failure -> ended(decisions, failure)))
                        .doFinally(signal -> endOf(slots));
            });
        }
        return Flux.defer(() -> {
            SlotRelease slots = new SlotRelease();
            return Mono.fromCompletionStage(acquire(call, slots))
                    .flatMapMany(decisions -> Flux.from(method.interceptResultAsPublisher(this))
                            .doOnComplete(() -> ended(decisions, null))
                            .doOnError(failure -> ended(decisions, failure)))
                    .doFinally(signal -> endOf(slots));
        });
    }

    private static void endOf(SlotRelease slots) {
        slots.end();
        slots.complete();
    }

    /**
     * Waits for the store, and in turn if a policy says so, unless the thread must not block: then on-error decides if
     * the store does not answer at once.
     */
    private Lease acquireBlocking(Call call) {
        if (call.message != null) {
            return await(call.message.lease(call.limits));
        }
        List<PermitRequest> permitRequests = permitRequests(call);
        if (!Schedulers.isInNonBlockingThread()) {
            return AsyncRateLimiter.mayWait(permitRequests)
                    ? await(limiter.async().leaseAllInTurn(permitRequests).toCompletableFuture())
                    : limiter.leaseAll(permitRequests);
        }
        Lease lease = limiter.leaseAll(permitRequests.stream()
                .map(request -> request.withDeadline(Duration.ZERO))
                .toList());
        if (lease.decisions().list().stream().anyMatch(decision -> decision.source() == Decision.Source.FALLBACK)) {
            warnOfEventLoop(call.invocation);
        }
        return lease;
    }

    private List<PermitRequest> permitRequests(Call call) {
        try {
            return requests.of(call.invocation, call.limits);
        } catch (RateLimitExceededException e) {
            limiter.async().report(e.decisions());
            throw e;
        }
    }

    /** A thread that is interrupted while it waits leaves the queue, so that an application can stop. */
    private static Lease await(CompletableFuture<Lease> lease) {
        try {
            return lease.get();
        } catch (ExecutionException e) {
            throw RateLimitBackendException.of(e.getCause() == null ? e : e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            if (lease.cancel(false)) {
                throw new CancellationException("The thread was interrupted while a call waited for permits.");
            }
            return lease.join();
        }
    }

    private void warnOfEventLoop(MethodInvocationContext<Object, Object> invocation) {
        warnings.warn(
                ConfigurationWarning.CALLED_ON_EVENT_LOOP,
                invocation.getDeclaringType().getName() + "."
                        + invocation.getExecutableMethod().getMethodName());
    }

    /** Completes on a thread that may continue the call, with the propagated context of the caller. */
    private CompletableFuture<Decisions> acquire(Call call, SlotRelease slots) {
        boolean mayWait;
        CompletableFuture<Lease> lease;
        try {
            if (call.message != null) {
                mayWait = true;
                lease = call.message.lease(call.limits);
            } else {
                List<PermitRequest> permitRequests = permitRequests(call);
                mayWait = AsyncRateLimiter.mayWait(permitRequests);
                lease = limiter.async().leaseAllInTurn(permitRequests).toCompletableFuture();
            }
        } catch (RateLimitExceededException e) {
            return CompletableFuture.failedFuture(e);
        }
        // Registered on the lease itself: a caller that cancels the call must still release the slots of a late answer.
        lease.thenAccept(granted -> keepSlots(call, slots, granted));
        if (lease.isDone()) {
            return lease.thenApply(decided -> requireAllowed(call, decided));
        }
        Executor executor =
                executors.ofCaller(ServerRequestContext.currentRequest().orElse(null));
        PropagatedContext context = PropagatedContext.getOrEmpty();
        CompletableFuture<Decisions> decisions = lease.thenApplyAsync(
                decided -> requireAllowed(call, decided), task -> continueOn(executor, context.wrap(task)));
        // A call that is cancelled while it waits leaves the queue.
        decisions.whenComplete((decided, failure) -> {
            if (decisions.isCancelled() && mayWait) {
                lease.cancel(false);
            }
        });
        return decisions;
    }

    /** An application that stops has no thread left to tell a call that waits of its denial. */
    private static void continueOn(Executor executor, Runnable task) {
        try {
            executor.execute(task);
        } catch (RejectedExecutionException stopping) {
            task.run();
        }
    }

    /** Slots are held until the end of the call, or until the end of the request if the call is that of its route. */
    private static void keepSlots(Call call, SlotRelease slots, Lease lease) {
        (call.request == null ? slots : call.request.slots()).hold(lease, part -> part::close);
    }

    /** Returns the decisions whose outcome is that of the call; none if it is that of the request. */
    private static Decisions requireAllowed(Call call, Lease lease) {
        Decisions decisions = lease.decisions();
        if (!decisions.allowed()) {
            throw new RateLimitExceededException(decisions);
        }
        RateLimitContext request = call.request == null ? currentContext() : call.request;
        boolean ofRequest = request != null && request.allowedAtCall(call.invocation.getExecutableMethod(), decisions);
        if (request != null && ofRequest) {
            call.limits.forEach(request::estimate);
        }
        return ofRequest ? NONE : decisions;
    }
}
