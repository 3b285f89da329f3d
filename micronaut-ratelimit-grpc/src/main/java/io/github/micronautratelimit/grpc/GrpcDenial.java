package io.github.micronautratelimit.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.RetryInfo;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.LimitState;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import org.jspecify.annotations.Nullable;

/**
 * The status with which a denied call ends, as google.rpc defines it: {@code RESOURCE_EXHAUSTED} and the time to wait
 * as {@code RetryInfo}, or {@code UNAVAILABLE} if the store is unavailable and {@code on-error} denies. Never contains
 * the key of the limit.
 */
final class GrpcDenial {

    static final Metadata.Key<String> RETRY_AFTER = Metadata.Key.of("retry-after", Metadata.ASCII_STRING_MARSHALLER);

    private static final long MICROS_PER_SECOND = 1_000_000;
    private static final long NANOS_PER_MICRO = 1_000;

    /** Longer waits are not said: no client waits, and some decode the seconds into 32 bits. */
    private static final long LONGEST_MICROS = 366L * 24 * 3600 * MICROS_PER_SECOND;

    private GrpcDenial() {}

    static Status status(Decisions denial) {
        return denial.isUnavailable()
                ? Status.UNAVAILABLE.withDescription("The rate limit cannot be checked at the moment.")
                : Status.RESOURCE_EXHAUSTED.withDescription("The rate limit is exceeded.");
    }

    /** Returns the trailers, with the time to wait if a wait can help. */
    static Metadata trailers(Decisions denial) {
        Status status = status(denial);
        com.google.rpc.Status.Builder details = com.google.rpc.Status.newBuilder()
                .setCode(status.getCode().value())
                .setMessage(String.valueOf(status.getDescription()));
        long micros = denial.retryAfterMicros();
        boolean helps = micros != LimitState.NEVER && micros <= LONGEST_MICROS;
        if (helps) {
            details.addDetails(Any.pack(RetryInfo.newBuilder()
                    .setRetryDelay(Duration.newBuilder()
                            .setSeconds(micros / MICROS_PER_SECOND)
                            .setNanos((int) (micros % MICROS_PER_SECOND * NANOS_PER_MICRO)))
                    .build()));
        }
        Metadata trailers =
                StatusProto.toStatusRuntimeException(details.build()).getTrailers();
        Metadata result = trailers == null ? new Metadata() : trailers;
        if (helps) {
            result.put(RETRY_AFTER, Long.toString((micros + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND));
        }
        return result;
    }

    /**
     * Returns the time to wait that a server has sent.
     *
     * @return positive; {@code null} if there is none, or it cannot be read
     */
    static java.time.@Nullable Duration retryDelay(Status status, Metadata trailers) {
        com.google.rpc.Status details = StatusProto.fromStatusAndTrailers(status, trailers);
        for (Any detail : details.getDetailsList()) {
            if (detail.is(RetryInfo.class)) {
                try {
                    Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
                    long seconds = Math.max(0, Math.min(LONGEST_MICROS / MICROS_PER_SECOND, delay.getSeconds()));
                    java.time.Duration time = java.time.Duration.ofSeconds(seconds, Math.max(0, delay.getNanos()));
                    return time.isZero() ? null : time;
                } catch (com.google.protobuf.InvalidProtocolBufferException e) {
                    return null;
                }
            }
        }
        return retryAfter(trailers);
    }

    private static java.time.@Nullable Duration retryAfter(Metadata trailers) {
        String text = trailers.get(RETRY_AFTER);
        if (text == null || text.length() > 9 || text.isEmpty() || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            return null;
        }
        long seconds = Long.parseLong(text);
        return seconds == 0 ? null : Micros.duration(seconds * MICROS_PER_SECOND);
    }
}
