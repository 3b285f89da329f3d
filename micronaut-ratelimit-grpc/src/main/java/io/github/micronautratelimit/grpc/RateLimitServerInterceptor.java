package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
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
import java.util.ArrayList;
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
        List<PermitRequest> requests;
        try {
            requests = permitRequests(bindings, new GrpcRequest(headers, call.getAttributes(), addresses));
        } catch (RateLimitExceededException denial) {
            limiter.async().report(denial.decisions());
            call.close(GrpcDenial.status(denial.decisions()), GrpcDenial.trailers(denial.decisions()));
            return new ServerCall.Listener<>() {};
        }
        if (requests.isEmpty()) {
            return next.startCall(call, headers);
        }
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

    /** Returns the requests of the limits that apply; none if cases or overrides exempt the call. */
    private List<PermitRequest> permitRequests(List<LimitBinding> bindings, WebRequest request) {
        List<PermitRequest> requests = new ArrayList<>(bindings.size());
        for (LimitBinding limit : policies.matching(bindings, request, PermitRequest.Origin.METHOD)) {
            String key = keys.keyOf(Objects.requireNonNull(limit.key()), request);
            Policy policy = policies.of(limit.policy(), key, null, PermitRequest.Origin.METHOD);
            if (policy != null) {
                requests.add(new PermitRequest(
                        policy, key, keys.permitsOf(limit.cost(), request), PermitRequest.Origin.METHOD));
            }
        }
        return requests;
    }
}
