package io.github.micronautratelimit;

import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitSet;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
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

    private static final int MAX_NAME = 200;
    private static final Duration SHORTEST_DEADLINE = Duration.ofMillis(1);
    private static final Duration SHORTEST_HOLD = Duration.ofSeconds(1);

    private final String name;
    private final List<Limit> rateLimits;
    private final @Nullable ConcurrencyLimit concurrency;
    private final OnError onError;
    private final @Nullable Duration deadline;
    private final List<Limit> localLimits;
    private final long maxPrefetch;
    private final @Nullable Duration holdAtMost;
    private final HoldUntil holdUntil;

    private Policy(
            String name,
            List<Limit> rateLimits,
            @Nullable ConcurrencyLimit concurrency,
            OnError onError,
            @Nullable Duration deadline,
            List<Limit> localLimits,
            long maxPrefetch,
            @Nullable Duration holdAtMost,
            HoldUntil holdUntil) {
        this.name = name;
        this.rateLimits = List.copyOf(rateLimits);
        this.concurrency = concurrency;
        this.onError = onError;
        this.deadline = deadline;
        this.localLimits = List.copyOf(localLimits);
        this.maxPrefetch = maxPrefetch;
        this.holdAtMost = holdAtMost;
        this.holdUntil = holdUntil;
        requireValid();
    }

    private void requireValid() {
        require(
                !name.isEmpty() && name.length() <= MAX_NAME && name.chars().allMatch(Policy::isNameCharacter),
                "The policy name \"" + name + "\" is not 1 to " + MAX_NAME
                        + " visible ASCII characters without quotation mark and backslash; write a name like \"write\".");
        require(
                !rateLimits.isEmpty() || concurrency != null,
                "The policy \"" + name + "\" has no limits; give it at least one, like \"100/min\".");
        require(
                !rateLimits.isEmpty() || maxPrefetch == 0,
                "The policy \"" + name + "\" has only the limit " + concurrency
                        + ", which has no permits to prefetch; remove the prefetch of " + maxPrefetch + ".");
        require(
                !rateLimits.isEmpty() || localLimits.isEmpty(),
                "The policy \"" + name + "\" has only the limit " + concurrency + ", to which the local limit "
                        + localLimits + " does not apply; remove it.");
        requireDistinct("limit", rateLimits);
        requireDistinct("local limit", localLimits);
        require(
                deadline == null || deadline.isZero() || deadline.compareTo(SHORTEST_DEADLINE) >= 0,
                "The deadline of the policy \"" + name + "\" is " + deadline
                        + "; write 1ms or more, or 0 to never wait for the store.");
        require(
                maxPrefetch >= 0 && maxPrefetch <= MAX_PREFETCH,
                "The prefetch of the policy \"" + name + "\" is " + maxPrefetch + " permits; write 0 to " + MAX_PREFETCH
                        + ".");
        requireValidHold();
    }

    private void requireValidHold() {
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

    private void requireDistinct(String kind, List<Limit> limits) {
        require(
                limits.size() <= LimitSet.MAX_RATE_LIMITS,
                "The policy \"" + name + "\" has " + limits.size() + " " + kind
                        + "s, which would be checked in one step " + "while other requests wait; write at most "
                        + LimitSet.MAX_RATE_LIMITS + ".");
        require(
                limits.stream().distinct().count() == limits.size(),
                "The policy \"" + name + "\" lists the same " + kind + " twice: " + limits + "; write it once.");
    }

    private static void require(boolean valid, String otherwise) {
        if (!valid) {
            throw new IllegalArgumentException(otherwise);
        }
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
        return new Policy(
                name,
                limits.rateLimits(),
                limits.concurrency(),
                OnError.LOCAL,
                null,
                List.of(),
                0,
                null,
                HoldUntil.RESPONSE);
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
        return onError;
    }

    /**
     * Returns the most time a call to the store may take.
     *
     * @return 1 ms or more; zero if callers never wait: on-error decides unless the store answers at once; {@code null}
     *         for the deadline of the limiter
     */
    public @Nullable Duration deadline() {
        return deadline;
    }

    /**
     * Returns the limits on calls from one instance to the store per key; see
     * {@link io.github.micronautratelimit.hotkey.LocalLimit}.
     *
     * @return empty if an instance calls the store for every request
     */
    public List<Limit> localLimits() {
        return localLimits;
    }

    /**
     * Returns the most permits that one instance prefetches for one key; see
     * {@link io.github.micronautratelimit.hotkey.PrefetchingBackend}.
     *
     * @return permits, 0 to {@link #MAX_PREFETCH}; 0 if every request calls the store
     */
    public long maxPrefetch() {
        return maxPrefetch;
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
        return concurrency == null
                ? this
                : new Policy(
                        name, rateLimits, null, onError, deadline, localLimits, maxPrefetch, null, HoldUntil.RESPONSE);
    }

    /**
     * Returns a policy of the same name with the concurrency limit only.
     *
     * @return this policy if it has no rate limits
     * @throws IllegalArgumentException if it has no concurrency limit
     */
    public Policy concurrencyOnly() {
        return rateLimits.isEmpty()
                ? this
                : new Policy(name, List.of(), concurrency, onError, deadline, List.of(), 0, holdAtMost, holdUntil);
    }

    /**
     * Returns this policy with other rate limits, for a key with limits of its own, such as a customer's plan. Spent
     * permits stay spent.
     *
     * @param others one or more limits
     * @return a copy with these rate limits
     * @throws IllegalArgumentException if limits are missing or listed twice
     */
    public Policy withLimits(List<Limit> others) {
        return new Policy(
                name, others, concurrency, onError, deadline, localLimits, maxPrefetch, holdAtMost, holdUntil);
    }

    /**
     * Returns this policy with other limits, for a key with limits of its own. Spent permits stay spent and held slots
     * stay held.
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
                onError,
                deadline,
                localLimits,
                maxPrefetch,
                holdAtMost,
                holdUntil);
    }

    /**
     * Returns this policy with another fallback.
     *
     * @param other what decides while the store is unavailable
     * @return a copy with this fallback
     */
    public Policy withOnError(OnError other) {
        return new Policy(
                name, rateLimits, concurrency, other, deadline, localLimits, maxPrefetch, holdAtMost, holdUntil);
    }

    /**
     * Returns this policy with another deadline.
     *
     * @param other 1 ms or more; zero to never wait; {@code null} for the deadline of the limiter
     * @return a copy with this deadline
     * @throws IllegalArgumentException if the deadline is negative or shorter than 1 ms and not zero
     */
    public Policy withDeadline(@Nullable Duration other) {
        return new Policy(
                name, rateLimits, concurrency, onError, other, localLimits, maxPrefetch, holdAtMost, holdUntil);
    }

    /**
     * Returns this policy with limits on calls from one instance to the store per key.
     *
     * @param others different limits; none to call the store for every request
     * @return a copy with these local limits
     * @throws IllegalArgumentException if a limit is listed twice, or there are no rate limits
     */
    public Policy withLocalLimits(List<Limit> others) {
        return new Policy(name, rateLimits, concurrency, onError, deadline, others, maxPrefetch, holdAtMost, holdUntil);
    }

    /**
     * Returns this policy with prefetching, for hot keys.
     *
     * @param most the most permits one instance prefetches for one key, 0 to {@link #MAX_PREFETCH}; 0 for none
     * @return a copy with this bound
     * @throws IllegalArgumentException if the bound is out of range, or there are no rate limits
     */
    public Policy withMaxPrefetch(long most) {
        return new Policy(name, rateLimits, concurrency, onError, deadline, localLimits, most, holdAtMost, holdUntil);
    }

    /**
     * Returns the longest time for which one request holds a slot.
     *
     * @return 1 second to 366 days; {@code null} if a slot is held until it is released
     */
    public @Nullable Duration holdAtMost() {
        return holdAtMost;
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
        return new Policy(name, rateLimits, concurrency, onError, deadline, localLimits, maxPrefetch, other, holdUntil);
    }

    /**
     * Returns the end of an HTTP request at which its slot is released.
     *
     * @return by default {@link HoldUntil#RESPONSE}
     */
    public HoldUntil holdUntil() {
        return holdUntil;
    }

    /**
     * Returns this policy with another end of an HTTP request at which its slot is released.
     *
     * @param other the end
     * @return a copy with this end
     * @throws IllegalArgumentException if it is {@link HoldUntil#COMPLETION} and there is no concurrency limit
     */
    public Policy withHoldUntil(HoldUntil other) {
        return new Policy(
                name, rateLimits, concurrency, onError, deadline, localLimits, maxPrefetch, holdAtMost, other);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return this == other
                || other instanceof Policy policy
                        && name.equals(policy.name)
                        && maxPrefetch == policy.maxPrefetch
                        && onError == policy.onError
                        && rateLimits.equals(policy.rateLimits)
                        && localLimits.equals(policy.localLimits)
                        && Objects.equals(concurrency, policy.concurrency)
                        && Objects.equals(deadline, policy.deadline)
                        && Objects.equals(holdAtMost, policy.holdAtMost)
                        && holdUntil == policy.holdUntil;
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
