package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.WebRequest;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.annotation.Internal;
import io.micronaut.core.order.Ordered;
import io.micronaut.scheduling.TaskExecutors;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;

/**
 * Decides on calls of gRPC methods before their messages are read. A call costs once, however many messages it streams.
 * No thread waits for the decision: the events of the call are kept until then.
 */
@Internal
@Singleton
@RequiresRateLimit
@Requires(classes = ServerInterceptor.class)
final class RateLimitServerInterceptor implements ServerInterceptor, Ordered {

    /** Behind interceptors that trace and measure, so that they see denials too. */
    private static final int ORDER = 0;

    private final GrpcLimits limits;
    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    private final RateLimiter limiter;
    private final ClientAddress addresses;
    private final ExecutorService executor;

    RateLimitServerInterceptor(
            GrpcLimits limits,
            KeyResolution keys,
            EffectivePolicyResolver policies,
            RateLimiter limiter,
            ClientAddress addresses,
            @Named(TaskExecutors.BLOCKING) ExecutorService executor) {
        this.limits = limits;
        this.keys = keys;
        this.policies = policies;
        this.limiter = limiter;
        this.addresses = addresses;
        this.executor = executor;
    }

    @Override
    public int getOrder() {
        return ORDER;
    }

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        List<LimitBinding> bindings = limits.of(call.getMethodDescriptor().getFullMethodName());
        if (bindings.isEmpty()) {
            return next.startCall(call, headers);
        }
        WebRequest request = new GrpcRequest(headers, call.getAttributes(), addresses);
        List<PermitRequest> requests =
                bindings.stream().map(limit -> permitRequest(limit, request)).toList();
        CompletableFuture<Lease> lease =
                limiter.async().leaseAllInTurn(requests).toCompletableFuture();
        LimitedCall<Q, A> limited = new LimitedCall<>(
                call,
                headers,
                next,
                limiter,
                AsyncRateLimiter.mayWait(requests) ? () -> lease.cancel(false) : () -> {});
        if (lease.isDone()) {
            lease.whenComplete(limited::decided);
        } else {
            lease.whenCompleteAsync(limited::decided, executor);
        }
        return limited.listener();
    }

    private PermitRequest permitRequest(LimitBinding limit, WebRequest request) {
        String key = keys.keyOf(Objects.requireNonNull(limit.key()), request);
        return new PermitRequest(
                policies.of(limit.policy(), key, null),
                key,
                keys.permitsOf(limit.cost(), request),
                PermitRequest.Origin.METHOD);
    }
}
