package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A name and the limits that are checked together under it: either all limits allow a request and are charged, or none
 * is charged.
 *
 * <p>The name is part of the key in the store and is public: clients see it in headers. Limits are not stored, they
 * travel with each request. A policy of the same name with other limits therefore acts on live keys at once, and spent
 * permits stay spent.
 *
 * <pre>{@code
 * Policy write = Policy.of("write", "10/s; 1000/h sliding").withOnError(OnError.CLOSED);
 * }</pre>
 *
 * <p>Immutable. Each {@code with} method returns a copy that differs in one property.
 */
public final class Policy {

    /** The largest value of {@link #maxPrefetch()}, in permits. */
    public static final long MAX_PREFETCH = 1_000_000;

    static final int MAX_NAME = 200;
    private static final String SHADOW_SUFFIX = ":shadow";
    /** No name contains it, so that no other policy has the same state. */
    private static final char GENERATION = ' ';

    private final String name;
    private final String stateName;
    private final List<Limit> rateLimits;
    private final @Nullable ConcurrencyLimit concurrency;
    private final PolicyOptions options;
    private final @Nullable Policy candidate;

    private Policy(String name, List<Limit> rateLimits, @Nullable ConcurrencyLimit concurrency, PolicyOptions options) {
        this.name = name;
        this.rateLimits = List.copyOf(rateLimits);
        this.concurrency = concurrency;
        this.options = options;
        this.stateName = stateName(name, options.generation());
        requireValid();
        this.candidate = options.candidate().isEmpty()
                ? null
                : new Policy(
                        name + PolicyOptions.CANDIDATE_SUFFIX,
                        options.candidate(),
                        null,
                        PolicyOptions.DEFAULTS.with(change -> {
                            change.onError = options.onError();
                            change.deadline = options.deadline();
                            change.generation = options.generation();
                        }));
    }

    private static String stateName(String name, long generation) {
        return generation == 0 ? name : name + GENERATION + generation;
    }

    private Policy with(Consumer<PolicyOptions.Change> change) {
        return new Policy(name, rateLimits, concurrency, options.with(change));
    }

    private void requireValid() {
        PolicyOptions.require(
                !name.isEmpty() && name.length() <= MAX_NAME && name.chars().allMatch(Policy::isNameCharacter),
                "The policy name \"" + name + "\" is not 1 to " + MAX_NAME
                        + " visible ASCII characters without quotation mark and backslash; write a name like \"write\".");
        PolicyOptions.require(
                !rateLimits.isEmpty() || concurrency != null,
                "The policy \"" + name + "\" has no limits; give it at least one, like \"100/min\".");
        PolicyOptions.requireDistinct(name, "limit", rateLimits);
        options.requireValid(name, rateLimits, concurrency);
    }

    private static boolean isNameCharacter(int c) {
        return c > ' ' && c < 127 && c != '"' && c != '\\';
    }

    /**
     * Creates a policy from the text form of its limits. While the store is unavailable, each instance decides locally.
     *
     * @param name   1 to 200 visible ASCII characters without quotation mark and backslash
     * @param limits one or more limits as text, for example {@code 10/s; 1000/h sliding} or {@code 5 concurrent}
     * @return the policy
     * @throws IllegalArgumentException if the name or the text is malformed
     */
    public static Policy of(String name, String limits) {
        return of(name, LimitSet.parse(limits));
    }

    /**
     * Creates a policy. While the store is unavailable, each instance decides locally.
     *
     * @param name   1 to 200 visible ASCII characters without quotation mark and backslash
     * @param limits at least one limit of either kind
     * @return the policy
     * @throws IllegalArgumentException if the name is malformed, or limits are missing, too many or listed twice
     */
    public static Policy of(String name, LimitSet limits) {
        return new Policy(name, limits.rateLimits(), limits.concurrency(), PolicyOptions.DEFAULTS);
    }

    /**
     * Creates a policy without a concurrency limit. While the store is unavailable, each instance decides locally.
     *
     * @param name       1 to 200 visible ASCII characters without quotation mark and backslash
     * @param rateLimits one or more different limits, copied
     * @return the policy
     * @throws IllegalArgumentException if the name is malformed, or limits are missing, too many or listed twice
     */
    public static Policy of(String name, List<Limit> rateLimits) {
        return of(name, new LimitSet(rateLimits, null));
    }

    /**
     * Returns the name.
     *
     * @return 1 to 200 visible ASCII characters
     */
    public String name() {
        return name;
    }

    /**
     * Returns the name of the state, by which stores and caches tell apart what policies have counted. Clients, logs
     * and metrics get {@link #name()} instead.
     *
     * @return the name, followed by a space and {@link #generation()} if that is not 0; ASCII
     */
    public String stateName() {
        return stateName;
    }

    /**
     * Returns the generation of the state.
     *
     * @return 0 unless {@link #withGeneration} has set another one
     */
    public long generation() {
        return options.generation();
    }

    /**
     * Returns this policy with a state of another generation, to forget in one step what all keys have spent. The state
     * of each generation is separate: permits, blocks, slots, reservations, and what the candidate has counted. That of
     * an earlier generation is used by whatever refunds, settles or releases what was taken under it, and expires by
     * itself.
     *
     * @param other 0 or more; a new one is higher than all before
     * @return a copy with this generation
     * @throws IllegalArgumentException if the generation is negative
     */
    public Policy withGeneration(long other) {
        return other == options.generation() ? this : with(change -> change.generation = other);
    }

    /** Returns the policy of the generation that a text contains; {@code null} if the text is of another policy. */
    @Nullable
    Policy ofStateName(String text) {
        if (text.equals(name)) {
            return withGeneration(0);
        }
        String written = text.startsWith(name + GENERATION) ? text.substring(name.length() + 1) : "";
        return written.matches("[1-9]\\d{0,17}") ? withGeneration(Long.parseLong(written)) : null;
    }

    /**
     * Returns the rate limits.
     *
     * @return at most {@value LimitSet#MAX_RATE_LIMITS} different limits in their order; empty only if there is a
     *         concurrency limit
     */
    public List<Limit> rateLimits() {
        return rateLimits;
    }

    /**
     * Returns the concurrency limit; see {@link RateLimiter#lease}.
     *
     * @return the limit on slots, or {@code null} if there is none
     */
    public @Nullable ConcurrencyLimit concurrency() {
        return concurrency;
    }

    /**
     * Returns the concurrency limit of a policy that must have one.
     *
     * @return the limit on slots
     * @throws IllegalArgumentException if the policy has none
     */
    public ConcurrencyLimit requireConcurrency() {
        if (concurrency == null) {
            throw new IllegalArgumentException(
                    "The policy \"" + name + "\" has no concurrency limit; add one, like \"5 concurrent\".");
        }
        return concurrency;
    }

    /**
     * Returns what decides while the store is unavailable.
     *
     * @return the setting {@code on-error}
     */
    public OnError onError() {
        return options.onError();
    }

    /**
     * Returns the most time a call to the store may take.
     *
     * @return 1 ms or more; zero if callers never wait: on-error decides unless the store answers at once; {@code null}
     *         for the deadline of the limiter
     */
    public @Nullable Duration deadline() {
        return options.deadline();
    }

    /**
     * Returns the limits on calls from one instance to the store per key; see
     * {@link io.github.micronautratelimit.hotkey.LocalLimit}.
     *
     * @return empty if an instance calls the store for every request
     */
    public List<Limit> localLimits() {
        return options.localLimits();
    }

    /**
     * Returns the most permits that one instance prefetches for one key; see
     * {@link io.github.micronautratelimit.hotkey.PrefetchingBackend}.
     *
     * @return permits, 0 to {@link #MAX_PREFETCH}; 0 if every request calls the store
     */
    public long maxPrefetch() {
        return options.maxPrefetch();
    }

    /**
     * Returns the most permits one request can ever be granted; of several limits, the smallest capacity.
     *
     * @return at least 1; without rate limits, the slots of the concurrency limit
     */
    public long capacity() {
        if (rateLimits.isEmpty()) {
            return concurrency == null ? 0 : concurrency.slots();
        }
        long smallest = rateLimits.get(0).capacity();
        for (int i = 1; i < rateLimits.size(); i++) {
            smallest = Math.min(smallest, rateLimits.get(i).capacity());
        }
        return smallest;
    }

    /**
     * Returns a policy of the same name with the rate limits only.
     *
     * @return this policy if it has no concurrency limit
     * @throws IllegalArgumentException if it has no rate limits
     */
    public Policy rateLimitsOnly() {
        return concurrency == null ? this : new Policy(name, rateLimits, null, options.withoutSlots());
    }

    /**
     * Returns a policy of the same name with the concurrency limit only.
     *
     * @return this policy if it has no rate limits
     * @throws IllegalArgumentException if it has no concurrency limit
     */
    public Policy concurrencyOnly() {
        return rateLimits.isEmpty() ? this : new Policy(name, List.of(), concurrency, options.withoutPermits());
    }

    /**
     * Returns this policy with other rate limits, for a key with limits of its own, such as a customer's plan. Spent
     * permits stay spent. The candidate is dropped, because it is meant for the limits of this policy.
     *
     * @param others one or more limits
     * @return a copy with these rate limits
     * @throws IllegalArgumentException if limits are missing or listed twice
     */
    public Policy withLimits(List<Limit> others) {
        return new Policy(name, others, concurrency, options.with(change -> change.candidate = List.of()));
    }

    /**
     * Returns this policy with other limits, for a key with limits of its own. Spent permits stay spent and held slots
     * stay held. The candidate is dropped, because it is meant for the limits of this policy.
     *
     * @param others limits of either kind; a kind without limits keeps those of this policy
     * @return a copy with these limits
     * @throws IllegalArgumentException if limits are listed twice
     */
    public Policy withLimits(LimitSet others) {
        return new Policy(
                name,
                others.rateLimits().isEmpty() ? rateLimits : others.rateLimits(),
                others.concurrency() == null ? concurrency : others.concurrency(),
                options.with(change -> change.candidate = List.of()));
    }

    /**
     * Returns this policy with another fallback.
     *
     * @param other what decides while the store is unavailable
     * @return a copy with this fallback
     */
    public Policy withOnError(OnError other) {
        return with(change -> change.onError = other);
    }

    /**
     * Returns this policy with another deadline.
     *
     * @param other 1 ms or more; zero to never wait; {@code null} for the deadline of the limiter
     * @return a copy with this deadline
     * @throws IllegalArgumentException if the deadline is negative or shorter than 1 ms and not zero
     */
    public Policy withDeadline(@Nullable Duration other) {
        return with(change -> change.deadline = other);
    }

    /**
     * Returns this policy with limits on calls from one instance to the store per key.
     *
     * @param others different limits; none to call the store for every request
     * @return a copy with these local limits
     * @throws IllegalArgumentException if a limit is listed twice, or there are no rate limits
     */
    public Policy withLocalLimits(List<Limit> others) {
        return with(change -> change.localLimits = others);
    }

    /**
     * Returns this policy with prefetching, for hot keys.
     *
     * @param most the most permits one instance prefetches for one key, 0 to {@link #MAX_PREFETCH}; 0 for none
     * @return a copy with this bound
     * @throws IllegalArgumentException if the bound is out of range, or there are no rate limits
     */
    public Policy withMaxPrefetch(long most) {
        return with(change -> change.maxPrefetch = most);
    }

    /**
     * Returns the longest time for which one request holds a slot.
     *
     * @return 1 second to 366 days; {@code null} if a slot is held until it is released
     */
    public @Nullable Duration holdAtMost() {
        return options.holdAtMost();
    }

    /**
     * Returns this policy with a longest time for which one request holds a slot. Up to a quarter of a second after it,
     * the slot is released and another request may take it, although the holder may not have ended. For holders whose
     * end is not always noticed, such as clients that have disconnected from a servlet container.
     *
     * @param other 1 second to 366 days; {@code null} to hold a slot until it is released
     * @return a copy with this time
     * @throws IllegalArgumentException if the time is out of range, or there is no concurrency limit
     */
    public Policy withHoldAtMost(@Nullable Duration other) {
        return with(change -> change.holdAtMost = other);
    }

    /**
     * Returns the end of an HTTP request at which its slot is released.
     *
     * @return by default {@link HoldUntil#RESPONSE}
     */
    public HoldUntil holdUntil() {
        return options.holdUntil();
    }

    /**
     * Returns this policy with another end of an HTTP request at which its slot is released.
     *
     * @param other the end
     * @return a copy with this end
     * @throws IllegalArgumentException if it is {@link HoldUntil#COMPLETION} and there is no concurrency limit
     */
    public Policy withHoldUntil(HoldUntil other) {
        return with(change -> change.holdUntil = other);
    }

    /**
     * Returns the longest time for which a request waits in turn; see {@link AsyncRateLimiter#leaseAllInTurn}.
     *
     * @return more than zero, at most 1 hour; {@code null} if requests do not wait
     */
    public @Nullable Duration maxWait() {
        return options.maxWait();
    }

    /**
     * Returns this policy with a time for which requests wait in turn. Routes and methods with limits in Micronaut then
     * wait for permits and slots that come in time. The servlet filter, {@code tryAcquire} and {@code lease} never
     * wait.
     *
     * @param other more than zero, at most 1 hour; {@code null} to not wait
     * @return a copy with this time
     * @throws IllegalArgumentException if the time is out of range
     */
    public Policy withMaxWait(@Nullable Duration other) {
        return with(change -> change.maxWait = other);
    }

    /** Returns the outcomes for which a request stays charged, or {@code null} if every request does. */
    @Nullable
    ChargeCondition chargeCondition() {
        return options.chargeCondition();
    }

    /**
     * Returns this policy with the only outcomes for which a request stays charged. For every other outcome its permits
     * are given back, by the integration that knows the outcome, or by code that calls
     * {@link AsyncRateLimiter#applyOutcome}.
     *
     * <p>A request is charged before it runs, so there are never more of them at the same time than the limits allow.
     * If its outcome is never known, because the client has disconnected or the caller has cancelled, it stays charged.
     *
     * @param outcomes one or more: a status such as {@code 401}, a class of statuses such as {@code 5xx}, or the full
     *                 name of an exception class, which also stands for its subclasses
     * @return a copy with these outcomes
     * @throws IllegalArgumentException if there are none, one is malformed or names no exception class, or there are no
     *                                  rate limits
     */
    public Policy withChargeOn(List<String> outcomes) {
        return with(change -> change.chargeCondition = ChargeCondition.chargeOn(outcomes));
    }

    /**
     * Returns this policy with the only outcomes for which the permits of a request are given back; see
     * {@link #withChargeOn}.
     *
     * @param outcomes one or more statuses, classes of statuses or names of exception classes
     * @return a copy with these outcomes
     * @throws IllegalArgumentException if there are none, one is malformed or names no exception class, or there are no
     *                                  rate limits
     */
    public Policy withRefundOn(List<String> outcomes) {
        return with(change -> change.chargeCondition = ChargeCondition.refundOn(outcomes));
    }

    /**
     * Returns the outcomes of {@link #withChargeOn} or {@link #withRefundOn} as a setting.
     *
     * @return for example {@code charge-on: 401, 403}; {@code null} if every request stays charged
     */
    public @Nullable String outcomes() {
        ChargeCondition condition = options.chargeCondition();
        return condition == null ? null : condition.toString();
    }

    /**
     * Returns whether an outcome is an exception class, so that calls without a response have such an outcome too.
     *
     * @return {@code false} if there are only statuses, or no outcomes
     */
    public boolean hasExceptionOutcomes() {
        ChargeCondition condition = options.chargeCondition();
        return condition != null && condition.namesExceptions();
    }

    /** Returns the block that follows repeated denials, or {@code null}. */
    @Nullable
    Penalty penalty() {
        return options.penalty();
    }

    /**
     * Returns this policy with a block of keys that its rate limits deny again and again, as {@link RateLimiter#block}
     * does. All instances that share the store count the denials of a key together, each denial once, and none while
     * the key is blocked. While the store is unavailable, denials are not counted.
     *
     * @param text for example {@code 15min after 5 denials in 1min}, or {@code 15min after 5 denials in 1min x2 up to
     *             1day}, after which each further block is twice as long as the one before, up to a day. Earlier blocks
     *             are forgotten after twice the longest time, which is at most 183 days
     * @return a copy with this block
     * @throws IllegalArgumentException if the text is malformed, a number is out of range, there are no rate limits, or
     *                                  the name is longer than 192 characters
     */
    public Policy withBlock(String text) {
        return with(change -> change.penalty = Penalty.parse(text));
    }

    /**
     * Returns the text of {@link #withBlock}.
     *
     * @return the text; {@code null} if no block follows denials
     */
    public @Nullable String block() {
        Penalty penalty = options.penalty();
        return penalty == null ? null : penalty.text();
    }

    /**
     * Returns the bounds of reservations.
     *
     * @return by default {@link ReservationRules#DEFAULTS}
     */
    public ReservationRules reservations() {
        return options.reservations();
    }

    /**
     * Returns this policy with other bounds of reservations; see {@link AsyncRateLimiter#reserve}.
     *
     * @param rules the bounds
     * @return a copy with these bounds
     * @throws IllegalArgumentException if there are no rate limits
     */
    public Policy withReservations(ReservationRules rules) {
        return with(change -> change.reservations = rules);
    }

    /**
     * Returns whether the policy is in shadow mode: it decides on its counters and denies no request.
     *
     * @return {@code false} if its denials are enforced
     */
    public boolean isShadow() {
        return options.shadow();
    }

    /**
     * Returns this policy in shadow mode, to learn whom it would deny before it is enforced. Every request under it
     * gets a {@link Decision.Shadowed}, and nothing that the store does delays it. Listeners receive the real decision
     * in {@link RateLimitListener#onShadow}.
     *
     * @param shadow whether the policy denies no request
     * @return a copy in this mode
     * @throws IllegalArgumentException if the policy has a candidate
     */
    public Policy withShadow(boolean shadow) {
        return with(change -> change.shadow = shadow);
    }

    /**
     * Returns a policy in shadow mode with counters of its own, to try these limits at one place while they are
     * enforced at another.
     *
     * @return a copy in shadow mode, with {@code :shadow} after its name; this policy if it is in shadow mode
     * @throws IllegalArgumentException if the name is longer than 193 characters
     */
    public Policy asShadow() {
        return isShadow()
                ? this
                : new Policy(name + SHADOW_SUFFIX, rateLimits, concurrency, options.with(change -> {
                    change.shadow = true;
                    change.candidate = List.of();
                }));
    }

    /**
     * Returns the name under which the limits were written.
     *
     * @return the name, without the end that {@link #asShadow} adds
     */
    public String writtenName() {
        return isShadow() && name.endsWith(SHADOW_SUFFIX)
                ? name.substring(0, name.length() - SHADOW_SUFFIX.length())
                : name;
    }

    /** Returns whether the policy is in shadow mode or has a candidate. */
    boolean isOnTrial() {
        return candidate != null || options.shadow();
    }

    /**
     * Returns the policy whose limits are tried beside those of this policy.
     *
     * @return a policy with a name and counters of its own; {@code null} if there is no candidate
     */
    public @Nullable Policy candidate() {
        return candidate;
    }

    /**
     * Returns this policy with limits that are tried beside its own. Each request is decided by both, in one call to
     * the store where it can, and only the limits of this policy are enforced. Listeners receive both decisions in
     * {@link RateLimitListener#onCandidate}. A request that another policy denies is not compared. Calls that wait in
     * turn and reservations are decided by the policy alone.
     *
     * @param limits the limits to try; none for no candidate
     * @return a copy with this candidate
     * @throws IllegalArgumentException if a limit is listed twice, the limits are those of the policy, or the policy is
     *                                  in shadow mode, has no rate limits, or has a name longer than 190 characters
     */
    public Policy withCandidate(List<Limit> limits) {
        return with(change -> change.candidate = limits);
    }

    /**
     * Rejects text that is neither a status nor the name of a class. Loads no class, so that it can run during
     * compilation.
     *
     * @param outcome an outcome of {@link #withChargeOn}
     * @throws IllegalArgumentException if the text is malformed
     */
    public static void requireOutcome(String outcome) {
        ChargeCondition.requireOutcome(outcome);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other
                || other instanceof Policy policy
                        && name.equals(policy.name)
                        && rateLimits.equals(policy.rateLimits)
                        && Objects.equals(concurrency, policy.concurrency)
                        && options.equals(policy.options);
    }

    /** Hashes only what usually differs between policies, because every request computes it. */
    @Override
    public int hashCode() {
        return name.hashCode() * 31
                + (rateLimits.isEmpty()
                        ? Objects.hashCode(concurrency)
                        : rateLimits.get(0).hashCode());
    }

    /** Returns the name and the limits. */
    @Override
    public String toString() {
        return "Policy[" + name + ": " + new LimitSet(rateLimits, concurrency) + "]";
    }
}
