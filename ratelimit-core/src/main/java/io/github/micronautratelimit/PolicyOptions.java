package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The settings of a {@link Policy} that have defaults; each has its meaning there. */
record PolicyOptions(
        OnError onError,
        @Nullable Duration deadline,
        List<Limit> localLimits,
        long maxPrefetch,
        @Nullable Duration holdAtMost,
        HoldUntil holdUntil,
        @Nullable ChargeCondition chargeCondition,
        @Nullable Penalty penalty,
        ReservationRules reservations,
        @Nullable Duration maxWait,
        boolean shadow,
        List<Limit> candidate,
        long generation) {

    static final PolicyOptions DEFAULTS = new PolicyOptions(
            OnError.LOCAL,
            null,
            List.of(),
            0,
            null,
            HoldUntil.RESPONSE,
            null,
            null,
            ReservationRules.DEFAULTS,
            null,
            false,
            List.of(),
            0);

    /** Follows the name of a policy in the name of its candidate. */
    static final String CANDIDATE_SUFFIX = ":candidate";

    static final Duration LONGEST_WAIT = Duration.ofHours(1);

    private static final Duration SHORTEST_DEADLINE = Duration.ofMillis(1);
    private static final Duration SHORTEST_HOLD = Duration.ofSeconds(1);

    PolicyOptions {
        localLimits = List.copyOf(localLimits);
        candidate = List.copyOf(candidate);
    }

    /** Throws an {@link IllegalArgumentException} if a setting is out of range, or does not apply to the limits. */
    void requireValid(String name, List<Limit> rateLimits, @Nullable ConcurrencyLimit concurrency) {
        require(
                !rateLimits.isEmpty() || maxPrefetch == 0,
                "The policy \"" + name + "\" has only the limit " + concurrency
                        + ", which has no permits to prefetch; remove the prefetch of " + maxPrefetch + ".");
        require(
                !rateLimits.isEmpty() || localLimits.isEmpty(),
                "The policy \"" + name + "\" has only the limit " + concurrency + ", to which the local limit "
                        + localLimits + " does not apply; remove it.");
        require(
                !rateLimits.isEmpty() || chargeCondition == null,
                "The policy \"" + name + "\" has only the limit " + concurrency + ", which charges nothing, so "
                        + chargeCondition + " does not apply; remove it.");
        require(
                !rateLimits.isEmpty() || penalty == null,
                "The policy \"" + name + "\" has only the limit " + concurrency
                        + ", whose denials are not counted; remove " + "the block \""
                        + (penalty == null ? "" : penalty.text()) + "\".");
        require(
                penalty == null || name.length() + Penalties.LONGEST_SUFFIX <= Policy.MAX_NAME,
                "The policy \"" + name + "\" has a block, so its name may have "
                        + (Policy.MAX_NAME - Penalties.LONGEST_SUFFIX) + " characters; shorten it.");
        require(
                !rateLimits.isEmpty() || reservations.equals(ReservationRules.DEFAULTS),
                "The policy \"" + name + "\" has only the limit " + concurrency
                        + ", which has no permits to reserve; remove the settings of reservations.");
        requireDistinct(name, "local limit", localLimits);
        require(
                deadline == null || deadline.isZero() || deadline.compareTo(SHORTEST_DEADLINE) >= 0,
                "The deadline of the policy \"" + name + "\" is " + deadline
                        + "; write 1ms or more, or 0 to never wait for the store.");
        require(
                maxPrefetch >= 0 && maxPrefetch <= Policy.MAX_PREFETCH,
                "The prefetch of the policy \"" + name + "\" is " + maxPrefetch + " permits; write 0 to "
                        + Policy.MAX_PREFETCH + ".");
        require(
                generation >= 0,
                "The generation of the policy \"" + name + "\" is " + generation + "; write 0 or more.");
        requireValidHold(name, concurrency);
        requireValidCandidate(name, rateLimits);
        require(
                maxWait == null || maxWait.compareTo(Duration.ZERO) > 0 && maxWait.compareTo(LONGEST_WAIT) <= 0,
                "Requests under the policy \"" + name + "\" wait for at most " + maxWait
                        + "; write more than 0 and at most 1 hour.");
    }

    private void requireValidCandidate(String name, List<Limit> rateLimits) {
        requireDistinct(name, "candidate limit", candidate);
        require(
                candidate.isEmpty() || !rateLimits.isEmpty(),
                "The policy \"" + name + "\" has no rate limits to compare the candidate " + candidate
                        + " with; remove the candidate, or use shadow mode.");
        require(
                candidate.isEmpty() || !candidate.equals(rateLimits),
                "The candidate of the policy \"" + name + "\" has the same limits " + candidate
                        + " as the policy; write other limits, or remove the candidate.");
        require(
                candidate.isEmpty() || !shadow,
                "The policy \"" + name + "\" is in shadow mode, so nothing is enforced that its candidate " + candidate
                        + " could be compared with; remove the candidate or the shadow mode.");
        require(
                candidate.isEmpty() || chargeCondition == null,
                "The policy \"" + name + "\" gives permits back by " + chargeCondition + ", which its candidate "
                        + candidate + " cannot follow; write the limits to try in a policy in shadow mode.");
        require(
                candidate.isEmpty() || maxWait == null,
                "Requests under the policy \"" + name + "\" wait for up to " + maxWait + ", which its candidate "
                        + candidate + " would not do; remove the candidate or the wait.");
        require(
                candidate.isEmpty() || name.length() + CANDIDATE_SUFFIX.length() <= Policy.MAX_NAME,
                "The policy \"" + name + "\" has a candidate, so its name may have "
                        + (Policy.MAX_NAME - CANDIDATE_SUFFIX.length()) + " characters; shorten it.");
    }

    private void requireValidHold(String name, @Nullable ConcurrencyLimit concurrency) {
        require(
                concurrency != null || holdAtMost == null && holdUntil == HoldUntil.RESPONSE,
                "The policy \"" + name + "\" has no concurrency limit, so no slot is held "
                        + (holdAtMost == null ? "until " + holdUntil : "for at most " + holdAtMost)
                        + "; add a limit like \"5 concurrent\", or remove the setting.");
        require(
                holdAtMost == null
                        || holdAtMost.compareTo(SHORTEST_HOLD) >= 0 && holdAtMost.compareTo(Limit.MAX_PERIOD) <= 0,
                "The slots of the policy \"" + name + "\" are held for at most " + holdAtMost
                        + "; write 1s to 366 days.");
    }

    static void requireDistinct(String name, String kind, List<Limit> limits) {
        require(
                limits.size() <= LimitSet.MAX_RATE_LIMITS,
                "The policy \"" + name + "\" has " + limits.size() + " " + kind
                        + "s, which would be checked in one step " + "while other requests wait; write at most "
                        + LimitSet.MAX_RATE_LIMITS + ".");
        require(
                limits.stream().distinct().count() == limits.size(),
                "The policy \"" + name + "\" lists the same " + kind + " twice: " + limits + "; write it once.");
    }

    static void require(boolean valid, String otherwise) {
        if (!valid) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** Returns a copy in which some settings differ. */
    PolicyOptions with(Consumer<Change> change) {
        Change changed = new Change(this);
        change.accept(changed);
        return changed.options();
    }

    /** Returns the settings of a policy without a concurrency limit. */
    PolicyOptions withoutSlots() {
        return with(change -> {
            change.holdAtMost = null;
            change.holdUntil = HoldUntil.RESPONSE;
        });
    }

    /** Returns the settings of a policy without rate limits. */
    PolicyOptions withoutPermits() {
        return with(change -> {
            change.localLimits = List.of();
            change.maxPrefetch = 0;
            change.chargeCondition = null;
            change.penalty = null;
            change.reservations = ReservationRules.DEFAULTS;
            change.candidate = List.of();
        });
    }

    /** A copy of the settings whose fields may be set. */
    static final class Change {

        OnError onError;

        @Nullable
        Duration deadline;

        List<Limit> localLimits;
        long maxPrefetch;

        @Nullable
        Duration holdAtMost;

        HoldUntil holdUntil;

        @Nullable
        ChargeCondition chargeCondition;

        @Nullable
        Penalty penalty;

        ReservationRules reservations;

        @Nullable
        Duration maxWait;

        boolean shadow;
        List<Limit> candidate;
        long generation;

        private Change(PolicyOptions from) {
            onError = from.onError;
            deadline = from.deadline;
            localLimits = from.localLimits;
            maxPrefetch = from.maxPrefetch;
            holdAtMost = from.holdAtMost;
            holdUntil = from.holdUntil;
            chargeCondition = from.chargeCondition;
            penalty = from.penalty;
            reservations = from.reservations;
            maxWait = from.maxWait;
            shadow = from.shadow;
            candidate = from.candidate;
            generation = from.generation;
        }

        private PolicyOptions options() {
            return new PolicyOptions(
                    onError,
                    deadline,
                    localLimits,
                    maxPrefetch,
                    holdAtMost,
                    holdUntil,
                    chargeCondition,
                    penalty,
                    reservations,
                    maxWait,
                    shadow,
                    candidate,
                    generation);
        }
    }
}
