package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Keeps the calls of a client to the limits of a service: a call waits in turn without a thread, at most for a time or
 * until its deadline, and ends with {@code RESOURCE_EXHAUSTED} if its turn comes later. If the service answers
 * {@code RESOURCE_EXHAUSTED} or {@code UNAVAILABLE} with a time to wait, all calls under the same policy and key are
 * held back until then, those of other instances included. A call that failed is not repeated.
 *
 * <pre>{@code
 * @Singleton
 * ClientInterceptor partnerLimit(RateLimiter limiter) {
 *     return new RateLimitClientInterceptor(limiter, Policy.of("partner", "10/s"), "partner", Duration.ofSeconds(5));
 * }
 * }</pre>
 *
 * <p>A slot of a concurrency limit is held until the call ends. Safe for use by any number of threads.
 */
public final class RateLimitClientInterceptor implements ClientInterceptor {

    /** The longest time for which an answer of a service holds calls back. */
    private static final Duration LONGEST_HOLD = Duration.ofHours(1);

    private final RateLimiter limiter;
    private final PermitRequest request;
    private final Duration maxWait;

    /**
     * Creates an interceptor for the channels of one service.
     *
     * @param limiter decides
     * @param policy  the limits of the service
     * @param key     identifies the service
     * @param maxWait the longest time for which a call waits, zero to 1 hour
     * @throws IllegalArgumentException if the time is out of range
     */
    public RateLimitClientInterceptor(RateLimiter limiter, Policy policy, String key, Duration maxWait) {
        if (maxWait.isNegative() || maxWait.compareTo(Duration.ofHours(1)) > 0) {
            throw new IllegalArgumentException(
                    "The longest wait of a gRPC client is " + maxWait + "; it must be zero to 1 hour.");
        }
        this.limiter = limiter;
        this.request = new PermitRequest(policy, key, 1);
        this.maxWait = maxWait;
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
        return new WaitingCall<>(
                next.newCall(method, options),
                options.getExecutor() == null ? Runnable::run : options.getExecutor(),
                limiter,
                () -> limiter.async()
                        .leaseAll(List.of(request), maxWait(options))
                        .toCompletableFuture(),
                this::holdBack);
    }

    /** A call does not wait beyond its deadline. */
    private Duration maxWait(CallOptions options) {
        if (options.getDeadline() == null) {
            return maxWait;
        }
        Duration left = Duration.ofNanos(Math.max(0, options.getDeadline().timeRemaining(TimeUnit.NANOSECONDS)));
        return left.compareTo(maxWait) < 0 ? left : maxWait;
    }

    private void holdBack(Status status, io.grpc.Metadata trailers) {
        if (status.getCode() != Status.Code.RESOURCE_EXHAUSTED && status.getCode() != Status.Code.UNAVAILABLE
                || request.policy().rateLimits().isEmpty()) {
            return;
        }
        Duration delay = GrpcDenial.retryDelay(status, trailers);
        if (delay != null) {
            Duration held = delay.compareTo(LONGEST_HOLD) < 0 ? delay : LONGEST_HOLD;
            limiter.async().block(request.policy(), request.key(), held.plusNanos(1_000));
        }
    }
}
