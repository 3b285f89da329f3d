package io.github.micronautratelimit;

import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.TokenBucket;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The permits that one decision took, with their policy, key and time. It can be given back once, by
 * {@link AsyncRateLimiter#refund(Charge)}.
 *
 * <p>A refund never leaves more room than the same history without the charge: permits that have come back with time
 * are not given back once more. A store needs the time of the charge for that, and nothing else, so a charge that
 * is not kept costs nothing there.
 *
 * <p>The text form is for a queue or a job that refunds later, in this process or another one; see
 * {@link AsyncRateLimiter#readCharge}. It contains the hash of the key, not the key. Safe for use by any number of
 * threads.
 */
public final class Charge {

    private final PermitRequest request;
    private final Decision.Allowed decision;
    private final UUID id;
    private final AtomicBoolean used = new AtomicBoolean();

    Charge(PermitRequest request, Decision.Allowed decision, UUID id) {
        this.request = request;
        this.decision = decision;
        this.id = id;
    }

    /**
     * Returns the charge of a decision.
     *
     * @param request the request with the key as the store knows it
     * @return {@code null} if the decision charged nothing that can be given back
     */
    static @Nullable Charge of(PermitRequest request, Decision decision) {
        return decision instanceof Decision.Allowed allowed && isCharged(request, allowed)
                ? new Charge(request, allowed, HolderIds.next())
                : null;
    }

    /** Returns whether there is anything to give back: permits of the store, or of the counters in this process. */
    private static boolean isCharged(PermitRequest request, Decision.Allowed decision) {
        return request.permits() > 0
                && decision.chargedAtMicros() != Decision.Allowed.UNKNOWN_TIME
                && !request.policy().rateLimits().isEmpty()
                && (decision.source().isCharged()
                        || decision.source() == Decision.Source.FALLBACK
                                && request.policy().onError() == OnError.LOCAL);
    }

    /**
     * Returns the id.
     *
     * @return 128 bits, unique among all processes
     */
    public UUID id() {
        return id;
    }

    /**
     * Returns the policy.
     *
     * @return the policy of the request
     */
    public Policy policy() {
        return request.policy();
    }

    /**
     * Returns the hash of the key, as {@link RateLimiter#keyHash} returns it.
     *
     * @return 64 hexadecimal digits
     */
    public String keyHash() {
        return KeyHash.of(request.key());
    }

    /**
     * Returns the permits.
     *
     * @return 1 or more
     */
    public long permits() {
        return request.permits();
    }

    /**
     * Returns the instant of the charge by the clock that decided.
     *
     * @return to the microsecond
     */
    public Instant chargedAt() {
        return Micros.instant(chargedAtMicros());
    }

    /** Returns the text form: id, permits, time, the counter that was charged, the hash of the key, and the policy. */
    @Override
    public String toString() {
        return new ReceiptText(id, permits(), chargedAtMicros(), 0, isLocal(), keyHash(), policy().stateName())
                .toString();
    }

    PermitRequest request() {
        return request;
    }

    Decision decision() {
        return decision;
    }

    long chargedAtMicros() {
        return decision.chargedAtMicros();
    }

    /** Returns whether the permits were granted by counters in this process. */
    boolean isLocal() {
        return decision.source() == Decision.Source.FALLBACK;
    }

    /** Marks the charge as used; returns whether it was not used before. */
    boolean use() {
        return used.compareAndSet(false, true);
    }

    /**
     * Returns the decision as if the request had cost nothing, for a header that is written after a refund. It is as
     * old as the decision. Windows do not say when the rest of their permits comes back, so the time until the reset is
     * then the one before.
     */
    Decision decisionWithout() {
        Policy policy = policy();
        long capacity = policy.capacity();
        boolean single = policy.rateLimits().size() == 1;
        long remaining = Math.min(capacity, decision.remaining() + permits());
        long reset = decision.resetAfterMicros();
        if (remaining == capacity && single) {
            reset = 0;
        } else if (single && policy.rateLimits().get(0) instanceof TokenBucket bucket) {
            reset = Math.max(0, reset - bucket.microsToRepay(permits() * bucket.unitsPerPermit()));
        }
        return new Decision.Allowed(remaining, reset, decision.source());
    }
}
