package io.github.micronautratelimit;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;

/**
 * A name and the limits that go by it, checked together: either every limit grants and all are charged, or none is.
 *
 * <p>The name is part of what a store remembers a key under, and is public: clients see it. Limits are not stored;
 * they travel with each request, so a policy with the same name and other limits acts on live keys at once, and what
 * was spent stays spent.
 *
 * @param name        1 to 200 visible ASCII characters without quotation mark and backslash
 * @param limits      one or more different limits on how often; none if there is a concurrency limit
 * @param concurrency how many may hold a place at once, or {@code null}; see {@link RateLimiter#lease}
 * @param onError     what to answer while the store cannot be asked
 * @param deadline    how long a store's answer is waited for, 1 ms or more; {@code null} for as long as every other's
 * @param localLimits how often one process asks the store about one key; none for as often as it is asked itself. See
 *                    {@link LocalLimit}
 * @param maxLease    the most permits one process takes ahead of one key, to grant them without asking the store; 0 for
 *                    none: every request asks. See {@link PermitLeases}
 */
public record Policy(String name, List<Limit> limits, @Nullable ConcurrencyLimit concurrency, OnError onError,
                     @Nullable Duration deadline, List<Limit> localLimits, long maxLease) {

    /** The most permits that may be taken ahead. */
    public static final long GREATEST_LEASE = 1_000_000;

    private static final int MAX_NAME = 200;

    /**
     * A policy.
     *
     * @param name        the name
     * @param limits      the limits on how often, copied
     * @param concurrency how many may hold a place at once, or {@code null}
     * @param onError     what to answer while the store cannot be asked
     * @param deadline    how long a store's answer is waited for, or {@code null}
     * @param localLimits how often one process asks the store about one key, copied
     * @param maxLease    the most permits one process takes ahead of one key, 0 to {@link #GREATEST_LEASE}
     * @throws IllegalArgumentException if the name is malformed, limits are missing or listed twice, the deadline is too
     *                                  short, or the lease is out of range
     */
    public Policy {
        if (name.isEmpty() || name.length() > MAX_NAME || !name.chars().allMatch(Policy::isNameCharacter)) {
            throw new IllegalArgumentException("The policy name \"" + name + "\" is not 1 to " + MAX_NAME
                    + " visible ASCII characters without quotation mark and backslash; write a name like \"write\".");
        }
        limits = List.copyOf(limits);
        localLimits = List.copyOf(localLimits);
        if (limits.isEmpty() && concurrency == null) {
            throw new IllegalArgumentException(
                    "The policy \"" + name + "\" has no limits; give it at least one, like \"100/min\".");
        }
        if (limits.isEmpty() && maxLease > 0) {
            throw new IllegalArgumentException("The policy \"" + name + "\" limits " + concurrency
                    + " alone, of which no permits are taken ahead; leave the lease of " + maxLease + " out.");
        }
        if (limits.isEmpty() && !localLimits.isEmpty()) {
            throw new IllegalArgumentException("The policy \"" + name + "\" limits " + concurrency
                    + " alone, before which the local limit " + localLimits + " does nothing; leave it out.");
        }
        if (limits.stream().distinct().count() < limits.size()) {
            throw new IllegalArgumentException(
                    "The policy \"" + name + "\" lists the same limit twice: " + limits + "; write it once.");
        }
        if (localLimits.stream().distinct().count() < localLimits.size()) {
            throw new IllegalArgumentException("The policy \"" + name + "\" lists the same local limit twice: "
                    + localLimits + "; write it once.");
        }
        if (deadline != null) {
            Guard.requireLongEnough(deadline);
        }
        if (maxLease < 0 || maxLease > GREATEST_LEASE) {
            throw new IllegalArgumentException("A lease is of 0 to " + GREATEST_LEASE + " permits, not " + maxLease + ".");
        }
    }

    /**
     * A policy without a concurrency limit, under which permits are taken ahead.
     *
     * @param name        the name
     * @param limits      the limits, copied
     * @param onError     what to answer while the store cannot be asked
     * @param deadline    how long a store's answer is waited for, or {@code null}
     * @param localLimits how often one process asks the store about one key, copied
     * @param maxLease    the most permits one process takes ahead of one key; 0 for none
     * @throws IllegalArgumentException if the name is malformed, limits are missing or listed twice, the deadline is too
     *                                  short, or the lease out of range
     */
    public Policy(String name, List<Limit> limits, OnError onError, @Nullable Duration deadline,
                  List<Limit> localLimits, long maxLease) {
        this(name, limits, null, onError, deadline, localLimits, maxLease);
    }

    /**
     * A policy without a concurrency limit, under which every request asks the store.
     *
     * @param name        the name
     * @param limits      the limits, copied
     * @param onError     what to answer while the store cannot be asked
     * @param deadline    how long a store's answer is waited for, or {@code null}
     * @param localLimits how often one process asks the store about one key, copied
     * @throws IllegalArgumentException if the name is malformed, limits are missing or listed twice, or the deadline is
     *                                  too short
     */
    public Policy(String name, List<Limit> limits, OnError onError, @Nullable Duration deadline,
                  List<Limit> localLimits) {
        this(name, limits, null, onError, deadline, localLimits, 0);
    }

    /**
     * A policy with the deadline of every other and no local limits.
     *
     * @param name    the name
     * @param limits  the limits
     * @param onError what to answer while the store cannot be asked
     * @throws IllegalArgumentException if the name is malformed, or limits are missing or listed twice
     */
    public Policy(String name, Limits limits, OnError onError) {
        this(name, limits.rates(), limits.concurrency(), onError, null, List.of(), 0);
    }

    /**
     * A policy with the deadline of every other and no local limits or concurrency limit.
     *
     * @param name    the name
     * @param limits  the limits, copied
     * @param onError what to answer while the store cannot be asked
     * @throws IllegalArgumentException if the name is malformed, or limits are missing or listed twice
     */
    public Policy(String name, List<Limit> limits, OnError onError) {
        this(name, limits, onError, null, List.of());
    }

    /**
     * A policy that decides alone while its store is away.
     *
     * @param name   the policy's name
     * @param limits one or more limits as text, for example {@code 10/s; 1000/h sliding} or {@code 5 concurrent}
     * @return the policy
     * @throws IllegalArgumentException if the name or the text is malformed
     */
    public static Policy of(String name, String limits) {
        return new Policy(name, Limits.parse(limits), OnError.LOCAL);
    }

    /**
     * The most permits one request can ever be granted; of several limits, the smallest.
     *
     * @return at least 1; without limits on how often, the places of the concurrency limit
     */
    public long capacity() {
        if (limits.isEmpty()) {
            return concurrency == null ? 0 : concurrency.holders();
        }
        long smallest = limits.get(0).capacity();
        for (int i = 1; i < limits.size(); i++) {
            smallest = Math.min(smallest, limits.get(i).capacity());
        }
        return smallest;
    }

    /**
     * This policy's limits on how often, as a policy of the same name.
     *
     * @return this policy if it has no other limits
     * @throws IllegalArgumentException if it has none of these
     */
    public Policy ratesOnly() {
        return concurrency == null ? this : new Policy(name, limits, null, onError, deadline, localLimits, maxLease);
    }

    /**
     * This policy's concurrency limit, as a policy of the same name.
     *
     * @return this policy if it has no other limits
     * @throws IllegalArgumentException if it has no concurrency limit
     */
    public Policy concurrencyOnly() {
        return limits.isEmpty() ? this : new Policy(name, List.of(), concurrency, onError, deadline, List.of(), 0);
    }

    /**
     * This policy with other numbers, for a key that has its own: a customer's plan, say. What was spent stays spent.
     *
     * @param others one or more limits
     * @return a policy that differs in its limits on how often only
     * @throws IllegalArgumentException if limits are missing or listed twice
     */
    public Policy withLimits(List<Limit> others) {
        return new Policy(name, others, concurrency, onError, deadline, localLimits, maxLease);
    }

    /**
     * This policy with other numbers, for a key that has its own. What was spent stays spent, and who holds a place keeps it.
     *
     * @param others limits of either kind; where there are none of a kind, this policy's own hold
     * @return a policy that differs in its limits only
     * @throws IllegalArgumentException if limits are listed twice
     */
    public Policy withLimits(Limits others) {
        return new Policy(name, others.rates().isEmpty() ? limits : others.rates(),
                others.concurrency() == null ? concurrency : others.concurrency(), onError, deadline, localLimits, maxLease);
    }

    /**
     * This policy with permits taken ahead, for keys that are asked for very often.
     *
     * @param most the most permits one process takes ahead of one key, 0 to {@link #GREATEST_LEASE}; 0 for none
     * @return a policy that differs in its lease only
     * @throws IllegalArgumentException if the lease is out of range
     */
    public Policy withMaxLease(long most) {
        return new Policy(name, limits, concurrency, onError, deadline, localLimits, most);
    }

    /** Of what policies differ in as a rule: it is asked for with every request. */
    @Override
    public int hashCode() {
        return name.hashCode() * 31 + (limits.isEmpty() ? String.valueOf(concurrency).hashCode() : limits.get(0).hashCode());
    }

    private static boolean isNameCharacter(int c) {
        return c > ' ' && c < 127 && c != '"' && c != '\\';
    }

    /**
     * Brings what is remembered of a key forward to an instant, in this policy's numbers.
     *
     * <p>If the limits have changed since the state was written, each limit carries on from the state of its own
     * algorithm and period, or else from the first left over that it can carry over; see {@link Limit#stateAt}. A block
     * (see {@link LimitState#blockedUntil}) stays until it is over, whatever the limits.
     *
     * @param stored    what was remembered, or {@code null} for a key not seen before
     * @param nowMicros the instant, in microseconds since the epoch
     * @return the state at that instant
     */
    public LimitState stateAt(@Nullable LimitState stored, long nowMicros) {
        if (limits.size() == 1 && (stored == null || stored instanceof SingleState)) {
            return limits.get(0).stateAt(stored, nowMicros);
        }
        if (stored instanceof BlockedState blocked) {
            LimitState unblocked = stateAt(blocked.unblocked(), nowMicros);
            return nowMicros < blocked.blockedUntil() ? unblocked.blockedUntil(blocked.blockedUntil()) : unblocked;
        }
        List<@Nullable SingleState> before = predecessors(stored == null ? List.of() : stored.parts());
        List<SingleState> parts = new ArrayList<>(limits.size());
        for (int i = 0; i < limits.size(); i++) {
            parts.add(limits.get(i).single(before.get(i), nowMicros));
        }
        return SeveralStates.whole(parts);
    }

    private List<@Nullable SingleState> predecessors(List<SingleState> stored) {
        List<@Nullable SingleState> before = new ArrayList<>(limits.size());
        if (sameLimits(stored)) {
            before.addAll(stored);
            return before;
        }
        List<SingleState> left = new ArrayList<>(stored);
        for (Limit limit : limits) {
            before.add(takeFirst(left, state -> limit.continues(state)
                    && state.limit().periodMicros() == limit.periodMicros()));
        }
        for (int i = 0; i < before.size(); i++) {
            if (before.get(i) == null) {
                before.set(i, takeFirst(left, limits.get(i)::continues));
            }
        }
        return before;
    }

    private boolean sameLimits(List<SingleState> stored) {
        if (stored.size() != limits.size()) {
            return false;
        }
        for (int i = 0; i < stored.size(); i++) {
            if (!stored.get(i).limit().equals(limits.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable SingleState takeFirst(List<SingleState> states, Predicate<SingleState> wanted) {
        for (int i = 0; i < states.size(); i++) {
            if (wanted.test(states.get(i))) {
                return states.remove(i);
            }
        }
        return null;
    }
}
