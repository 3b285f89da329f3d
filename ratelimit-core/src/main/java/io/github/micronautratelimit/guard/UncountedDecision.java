package io.github.micronautratelimit.guard;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import java.util.List;

/** The decision of an {@link OnError} that counts nothing: allows or denies every request. */
final class UncountedDecision {

    /** The time to wait if nothing better is known: the store has been probed again by then. */
    static final long WAIT_MICROS = 1_000_000;

    private UncountedDecision() {}

    /** Denies under {@link OnError#CLOSED}, otherwise allows. */
    static Decision of(Policy policy) {
        return policy.onError() == OnError.CLOSED
                ? new Decision.Denied(0, WAIT_MICROS, WAIT_MICROS, List.of(), Decision.Source.FALLBACK)
                : new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK);
    }
}
