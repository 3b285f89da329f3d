package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The settings of a {@link Policy} that have defaults; each has its meaning there. */
record PolicyOptions(
        OnError onError,
        @Nullable Duration deadline,
        List<Limit> localLimits,
        long maxPrefetch,
        @Nullable Duration holdAtMost,
        HoldUntil holdUntil,
        @Nullable ChargeCondition chargeCondition) {

    static final PolicyOptions DEFAULTS =
            new PolicyOptions(OnError.LOCAL, null, List.of(), 0, null, HoldUntil.RESPONSE, null);

    private static final Duration SHORTEST_DEADLINE = Duration.ofMillis(1);
    private static final Duration SHORTEST_HOLD = Duration.ofSeconds(1);

    PolicyOptions {
        localLimits = List.copyOf(localLimits);
    }

    /** Throws an {@link IllegalArgumentException} if a setting is out of range, or does not apply to the limits. */
    void requireValid(String name, List<Limit> rateLimits, @Nullable ConcurrencyLimit concurrency) {
        Policy.require(
                !rateLimits.isEmpty() || maxPrefetch == 0,
                "The policy \"" + name + "\" has only the limit " + concurrency
                        + ", which has no permits to prefetch; remove the prefetch of " + maxPrefetch + ".");
        Policy.require(
                !rateLimits.isEmpty() || localLimits.isEmpty(),
                "The policy \"" + name + "\" has only the limit " + concurrency + ", to which the local limit "
                        + localLimits + " does not apply; remove it.");
        Policy.require(
                !rateLimits.isEmpty() || chargeCondition == null,
                "The policy \"" + name + "\" has only the limit " + concurrency + ", which charges nothing, so "
                        + chargeCondition + " does not apply; remove it.");
        Policy.requireDistinct(name, "local limit", localLimits);
        Policy.require(
                deadline == null || deadline.isZero() || deadline.compareTo(SHORTEST_DEADLINE) >= 0,
                "The deadline of the policy \"" + name + "\" is " + deadline
                        + "; write 1ms or more, or 0 to never wait for the store.");
        Policy.require(
                maxPrefetch >= 0 && maxPrefetch <= Policy.MAX_PREFETCH,
                "The prefetch of the policy \"" + name + "\" is " + maxPrefetch + " permits; write 0 to "
                        + Policy.MAX_PREFETCH + ".");
        requireValidHold(name, concurrency);
    }

    private void requireValidHold(String name, @Nullable ConcurrencyLimit concurrency) {
        Policy.require(
                concurrency != null || holdAtMost == null && holdUntil == HoldUntil.RESPONSE,
                "The policy \"" + name + "\" has no concurrency limit, so no slot is held "
                        + (holdAtMost == null ? "until " + holdUntil : "for at most " + holdAtMost)
                        + "; add a limit like \"5 concurrent\", or remove the setting.");
        Policy.require(
                holdAtMost == null
                        || holdAtMost.compareTo(SHORTEST_HOLD) >= 0 && holdAtMost.compareTo(Limit.MAX_PERIOD) <= 0,
                "The slots of the policy \"" + name + "\" are held for at most " + holdAtMost
                        + "; write 1s to 366 days.");
    }

    PolicyOptions withOnError(OnError other) {
        return new PolicyOptions(other, deadline, localLimits, maxPrefetch, holdAtMost, holdUntil, chargeCondition);
    }

    PolicyOptions withDeadline(@Nullable Duration other) {
        return new PolicyOptions(onError, other, localLimits, maxPrefetch, holdAtMost, holdUntil, chargeCondition);
    }

    PolicyOptions withLocalLimits(List<Limit> others) {
        return new PolicyOptions(onError, deadline, others, maxPrefetch, holdAtMost, holdUntil, chargeCondition);
    }

    PolicyOptions withMaxPrefetch(long most) {
        return new PolicyOptions(onError, deadline, localLimits, most, holdAtMost, holdUntil, chargeCondition);
    }

    PolicyOptions withHoldAtMost(@Nullable Duration other) {
        return new PolicyOptions(onError, deadline, localLimits, maxPrefetch, other, holdUntil, chargeCondition);
    }

    PolicyOptions withHoldUntil(HoldUntil other) {
        return new PolicyOptions(onError, deadline, localLimits, maxPrefetch, holdAtMost, other, chargeCondition);
    }

    PolicyOptions withChargeCondition(ChargeCondition other) {
        return new PolicyOptions(onError, deadline, localLimits, maxPrefetch, holdAtMost, holdUntil, other);
    }

    /** Returns the settings of a policy without a concurrency limit. */
    PolicyOptions withoutSlots() {
        return new PolicyOptions(
                onError, deadline, localLimits, maxPrefetch, null, HoldUntil.RESPONSE, chargeCondition);
    }

    /** Returns the settings of a policy without rate limits. */
    PolicyOptions withoutPermits() {
        return new PolicyOptions(onError, deadline, List.of(), 0, holdAtMost, holdUntil, null);
    }
}
