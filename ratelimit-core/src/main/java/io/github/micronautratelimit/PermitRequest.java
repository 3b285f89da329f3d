package io.github.micronautratelimit;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request for permits: how many, for which key, under which policy.
 *
 * @param policy  the policy
 * @param key     identifies the caller that is limited, or the resource; any text, also empty
 * @param permits the cost, 0 or more
 * @param origin  the integration that makes the request, for listeners and metrics
 */
public record PermitRequest(Policy policy, String key, long permits, Origin origin) {

    /** The integration that makes a request, for listeners and metrics. It does not affect decisions. */
    public enum Origin {

        /** An HTTP request, decided before it reaches its route. */
        HTTP,

        /** A method call. */
        METHOD,

        /** The handshake of a WebSocket. */
        WS_CONNECTION,

        /** A message received over a WebSocket. */
        WS_MESSAGE,

        /** A call of another service by an HTTP client. */
        HTTP_CLIENT,

        /** A call of {@link RateLimiter} by the application's own code. */
        CODE
    }

    /**
     * Creates a request.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited, or the resource; any text, also empty
     * @param permits the cost, 0 or more
     * @param origin  the integration that makes the request
     * @throws IllegalArgumentException if permits are negative
     */
    public PermitRequest {
        requireNotNegative(permits);
    }

    /**
     * Creates a request of the application's own code: {@link Origin#CODE}.
     *
     * @param policy  the policy
     * @param key     identifies the caller that is limited, or the resource; any text, also empty
     * @param permits the cost, 0 or more
     * @throws IllegalArgumentException if permits are negative
     */
    public PermitRequest(Policy policy, String key, long permits) {
        this(policy, key, permits, Origin.CODE);
    }

    /**
     * Returns this request under a policy with another deadline; see {@link Policy#withDeadline}.
     *
     * @param deadline 1 ms or more; zero to never wait; {@code null} for the deadline of the limiter
     * @return a copy with this deadline
     */
    public PermitRequest withDeadline(@Nullable Duration deadline) {
        return new PermitRequest(policy.withDeadline(deadline), key, permits, origin);
    }

    /** Returns the requests whose denials are enforced; the same list if all are. */
    static List<PermitRequest> enforced(List<PermitRequest> requests) {
        for (PermitRequest request : requests) {
            if (request.policy().isShadow()) {
                return requests.stream()
                        .filter(each -> !each.policy().isShadow())
                        .toList();
            }
        }
        return requests;
    }

    PermitRequest withKey(String other) {
        return new PermitRequest(policy, other, permits, origin);
    }

    /** Returns the policy and the cost, but not the key, which may be personal data. */
    @Override
    public String toString() {
        return "PermitRequest[policy=" + policy.name() + ", permits=" + permits + "]";
    }

    static void requireNotNegative(long permits) {
        if (permits < 0) {
            throw new IllegalArgumentException("A request costs " + permits + " permits; it must cost 0 or more.");
        }
    }
}
