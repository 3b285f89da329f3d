package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.LimitState;
import java.time.Duration;
import java.util.Optional;

/**
 * Thrown if a call was denied. It has no stack trace, because it is thrown often and names the policy, which says more
 * than the position in the code.
 */
public class RateLimitExceededException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** Not serialised: after deserialisation the message remains. */
    private final transient Decisions decisions;

    /**
     * Creates an exception from decisions.
     *
     * @param decisions the decisions, at least one of them a denial
     * @throws IllegalArgumentException if no decision is a denial
     */
    public RateLimitExceededException(Decisions decisions) {
        super(message(decisions), null, false, false);
        this.decisions = decisions;
    }

    /**
     * Returns the requests and the decisions on them.
     *
     * @return the decisions, at least one of them a denial
     */
    public Decisions decisions() {
        return decisions;
    }

    /**
     * Returns the policy that denied; of several, the one with the longest time to wait.
     *
     * @return a policy of the {@link #decisions()}
     */
    public Policy policy() {
        int longest = -1;
        for (int i = 0; i < decisions.list().size(); i++) {
            if (decisions.list().get(i) instanceof Decision.Denied && (longest < 0 || waits(i) > waits(longest))) {
                longest = i;
            }
        }
        return decisions.requests().get(longest).policy();
    }

    private long waits(int index) {
        long micros = decisions.list().get(index).retryAfterMicros();
        return micros == LimitState.NEVER ? Long.MAX_VALUE : micros;
    }

    /**
     * Returns how long to wait until the call would not be denied again.
     *
     * @return the time to wait; empty if the call can never pass because it exceeds the capacity of a limit
     */
    public Optional<Duration> retryAfter() {
        return decisions.retryAfter();
    }

    /**
     * Returns whether nothing is known to be exceeded: the store was unavailable, and the policy says
     * {@link OnError#CLOSED}.
     *
     * @return {@code true} if the call may pass as soon as the store is back
     */
    public boolean isUnavailable() {
        return decisions != null && decisions.isUnavailable();
    }

    private static String message(Decisions decisions) {
        StringBuilder message = new StringBuilder(128)
                .append(
                        decisions.isUnavailable()
                                ? "The rate limit store is unavailable, and on-error denies"
                                : "Rate limit exceeded");
        String separator = ": ";
        for (int i = 0; i < decisions.list().size(); i++) {
            if (decisions.list().get(i) instanceof Decision.Denied) {
                message.append(separator)
                        .append(decisions.requests().get(i).policy().name());
                separator = ", ";
            }
        }
        if (separator.equals(": ")) {
            throw new IllegalArgumentException("No decision is a denial; only denials exceed a rate limit.");
        }
        return message.append('.').toString();
    }
}
