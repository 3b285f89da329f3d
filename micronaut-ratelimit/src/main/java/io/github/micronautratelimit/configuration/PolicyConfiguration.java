package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import io.micronaut.core.annotation.Introspected;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The configuration of a policy, under its name. */
@Introspected
@EachProperty(RateLimitConfiguration.PREFIX + ".policies")
public class PolicyConfiguration {

    /** The default of {@link #findMaxPrefetch()} in the mode {@code prefetch}, in permits. */
    public static final long DEFAULT_PREFETCH = 50;

    private final String name;
    private List<String> limits = List.of();
    private @Nullable String key;
    private Optional<OnError> onError = Optional.empty();
    private Optional<Duration> deadline = Optional.empty();
    private List<String> localLimit = List.of();
    private Mode mode = Mode.EXACT;
    private Optional<Long> maxPrefetch = Optional.empty();
    private List<Map<String, Object>> overrides = List.of();
    private List<Object> cases = List.of();
    private List<String> exempt = List.of();
    private Optional<Duration> holdAtMost = Optional.empty();
    private HoldUntil holdUntil = HoldUntil.RESPONSE;
    private List<String> chargeOn = List.of();
    private List<String> refundOn = List.of();
    private @Nullable String block;
    private Optional<Duration> maxWait = Optional.empty();
    private Optional<Long> maxDebt = Optional.empty();
    private Optional<Integer> maxReservations = Optional.empty();
    private Unsettled unsettled = Unsettled.CHARGE;
    private List<String> candidate = List.of();

    /**
     * Creates the default configuration of a policy.
     *
     * @param name the name of the policy, hyphenated
     */
    public PolicyConfiguration(@Parameter String name) {
        this.name = name;
    }

    /**
     * Returns the name of the policy.
     *
     * @return the name, hyphenated
     */
    public String getName() {
        return name;
    }

    /**
     * Returns the limits.
     *
     * @return texts, each with one or more limits
     */
    public List<String> getLimits() {
        return limits;
    }

    /**
     * The limits, for example {@code [10/s, 1000/h sliding, 5 concurrent]}, with at most one concurrency limit.
     * A policy without cases needs them. Default: none.
     *
     * @param limits texts, each with one or more limits
     */
    public void setLimits(List<String> limits) {
        this.limits = List.copyOf(limits);
    }

    /**
     * Returns the key template for annotations and rules without a key.
     *
     * @return a key template, or {@code null}
     */
    public @Nullable String getKey() {
        return key;
    }

    /**
     * The key template for annotations and rules without a key. Default: ratelimit.default-key.
     *
     * @param key a key template
     */
    public void setKey(String key) {
        this.key = key;
    }

    /**
     * Returns the decision while the store is unavailable. Not a getter: with a getter, the framework would treat the
     * property as nullable and ignore an invalid value.
     *
     * @return the decision; empty if not configured
     */
    public Optional<OnError> findOnError() {
        return onError;
    }

    /**
     * The decision while the store is unavailable: {@code open}, {@code closed} or {@code local}. Default: the value of
     * the annotation, otherwise ratelimit.on-error.
     *
     * @param onError the decision
     */
    public void setOnError(OnError onError) {
        this.onError = Optional.of(onError);
    }

    /**
     * Returns the most time a store call may take. Not a getter, for the same reason as {@link #findOnError()}.
     *
     * @return a duration; empty if not configured
     */
    public Optional<Duration> findDeadline() {
        return deadline;
    }

    /**
     * The most time a store call may take before on-error decides: 1 ms or more, or 0s to never wait for the store.
     * Default: ratelimit.deadline.
     *
     * @param deadline 1 ms or more, or zero
     */
    public void setDeadline(Duration deadline) {
        this.deadline = Optional.of(deadline);
    }

    /**
     * Returns the limits on store calls of one instance for one key.
     *
     * @return texts, each with one or more limits
     */
    public List<String> getLocalLimit() {
        return localLimit;
    }

    /**
     * The limits on store calls of one instance for one key, for example {@code 50/s}. The instance denies requests
     * beyond them in memory. Default: none.
     *
     * @param localLimit texts, each with one or more limits
     */
    public void setLocalLimit(List<String> localLimit) {
        this.localLimit = List.copyOf(localLimit);
    }

    /**
     * Returns whether permits are prefetched, or limits only reported.
     *
     * @return the mode
     */
    public Mode getMode() {
        return mode;
    }

    /**
     * The mode: in {@code exact}, every request calls the store; in {@code prefetch}, an instance takes permits in
     * advance, for very hot keys; in {@code shadow}, limits are counted and reported but deny no request. Default:
     * {@code exact}.
     *
     * @param mode the mode
     */
    public void setMode(Mode mode) {
        this.mode = mode;
    }

    /**
     * Returns the most permits that one instance prefetches for one key. Not a getter, for the same reason as
     * {@link #findOnError()}.
     *
     * @return permits; empty if not configured
     */
    public Optional<Long> findMaxPrefetch() {
        return maxPrefetch;
    }

    /**
     * The most permits that one instance prefetches for one key in the mode {@code prefetch}, 1 to 1000000. Default:
     * {@value #DEFAULT_PREFETCH}.
     *
     * @param maxPrefetch 1 to 1000000
     */
    public void setMaxPrefetch(long maxPrefetch) {
        this.maxPrefetch = Optional.of(maxPrefetch);
    }

    /**
     * Returns the longest time for which one request holds a slot. Not a getter, for the same reason as
     * {@link #findOnError()}.
     *
     * @return a duration; empty if not configured
     */
    public Optional<Duration> findHoldAtMost() {
        return holdAtMost;
    }

    /**
     * The longest time for which one request or call holds a slot of a concurrency limit, 1s or more. After it, the
     * slot is free, although the request may still run. Default: the value of the annotation, otherwise none.
     *
     * @param holdAtMost 1 second to 366 days
     */
    public void setHoldAtMost(Duration holdAtMost) {
        this.holdAtMost = Optional.of(holdAtMost);
    }

    /**
     * Returns the end of a request at which its slot is released.
     *
     * @return the end
     */
    public HoldUntil getHoldUntil() {
        return holdUntil;
    }

    /**
     * The end of a request at which its slot of a concurrency limit is released: {@code response}, when the response is
     * written or the client has disconnected, or {@code completion}, when the method has ended too. Default:
     * {@code response}.
     *
     * @param holdUntil the end
     */
    public void setHoldUntil(HoldUntil holdUntil) {
        this.holdUntil = holdUntil;
    }

    /**
     * Returns the outcomes for which a request stays charged.
     *
     * @return statuses and names of exception classes; none if {@link #getRefundOn()} decides
     */
    public List<String> getChargeOn() {
        return chargeOn;
    }

    /**
     * The only outcomes for which a request stays charged, for example {@code 401, 403}: statuses, classes of statuses
     * such as {@code 5xx}, and full names of exception classes. Its permits are given back for every other outcome.
     * Default: every request stays charged.
     *
     * @param chargeOn statuses and names of exception classes
     */
    public void setChargeOn(List<String> chargeOn) {
        this.chargeOn = trimmed(chargeOn);
    }

    /**
     * Returns the outcomes for which the permits of a request are given back.
     *
     * @return statuses and names of exception classes; none if {@link #getChargeOn()} decides
     */
    public List<String> getRefundOn() {
        return refundOn;
    }

    /**
     * The outcomes for which the permits of a request are given back, for example {@code 5xx, 304}: statuses, classes
     * of statuses, and full names of exception classes. Default: every request stays charged.
     *
     * @param refundOn statuses and names of exception classes
     */
    public void setRefundOn(List<String> refundOn) {
        this.refundOn = trimmed(refundOn);
    }

    /**
     * Returns the block of keys that are denied again and again.
     *
     * @return a text, or {@code null}
     */
    public @Nullable String getBlock() {
        return block;
    }

    /**
     * The block of keys that are denied again and again, for example {@code 15min after 5 denials in 1min}. With
     * {@code x2 up to 1day} after it, each further block is twice as long as the one before, up to a day. Default:
     * none.
     *
     * @param block a text
     */
    public void setBlock(String block) {
        this.block = block;
    }

    /**
     * Returns the longest time for which a request waits in turn. Not a getter, for the same reason as
     * {@link #findOnError()}.
     *
     * @return a duration; empty if not configured
     */
    public Optional<Duration> findMaxWait() {
        return maxWait;
    }

    /**
     * The longest time for which a request or call waits in turn for permits and slots, at most 1h. It is denied at
     * once if its turn is known to come later. Default: the value of the annotation, otherwise requests do not wait.
     *
     * @param maxWait more than zero, at most 1 hour
     */
    public void setMaxWait(Duration maxWait) {
        this.maxWait = Optional.of(maxWait);
    }

    /**
     * Returns the permits that a settlement may charge beyond the capacity. Not a getter, for the same reason as
     * {@link #findOnError()}.
     *
     * @return permits; empty if not configured
     */
    public Optional<Long> findMaxDebt() {
        return maxDebt;
    }

    /**
     * The permits that a settlement may charge beyond the capacity of a limit, if the real cost of a request exceeds
     * its estimate, 0 or more. Default: the capacity.
     *
     * @param maxDebt 0 to 1000000000000
     */
    public void setMaxDebt(long maxDebt) {
        this.maxDebt = Optional.of(maxDebt);
    }

    /**
     * Returns the most open reservations of a key. Not a getter, for the same reason as {@link #findOnError()}.
     *
     * @return reservations; empty if not configured
     */
    public Optional<Integer> findMaxReservations() {
        return maxReservations;
    }

    /**
     * The most open reservations of a key, 1 to 1000. A further one is denied until one is settled or expires. Default:
     * 1000.
     *
     * @param maxReservations 1 to 1000
     */
    public void setMaxReservations(int maxReservations) {
        this.maxReservations = Optional.of(maxReservations);
    }

    /**
     * Returns the fate of the estimate of a reservation that expires.
     *
     * @return charged or refunded
     */
    public Unsettled getUnsettled() {
        return unsettled;
    }

    /**
     * The fate of the estimate of a reservation that is not settled before it expires: {@code charge}, it stays
     * charged, or {@code refund}, it is given back. Default: {@code charge}.
     *
     * @param unsettled charged or refunded
     */
    public void setUnsettled(Unsettled unsettled) {
        this.unsettled = unsettled;
    }

    /**
     * Returns the limits that are tried beside those of the policy.
     *
     * @return texts, each with one or more limits
     */
    public List<String> getCandidate() {
        return candidate;
    }

    /**
     * The limits that are tried beside those of the policy, for example {@code 50/min}. They deny no request; metrics
     * and the live page show which requests they would deny or allow. Default: none.
     *
     * @param candidate texts, each with one or more limits
     */
    public void setCandidate(List<String> candidate) {
        this.candidate = List.copyOf(candidate);
    }

    private static List<String> trimmed(List<String> texts) {
        return texts.stream().map(String::strip).toList();
    }

    /** The fate of the estimate of a reservation that expires. */
    public enum Unsettled {

        /** It stays charged. */
        CHARGE,

        /** It is given back. */
        REFUND
    }

    /** The mode in which an instance takes permits from the store. */
    public enum Mode {

        /** Every request calls the store. */
        EXACT,

        /** An instance takes permits from the store in batches and grants them in memory. */
        PREFETCH,

        /** Every request calls the store, does not wait for it, and is allowed. */
        SHADOW
    }

    /**
     * Returns the keys with limits of their own.
     *
     * @return a "key" and its "limits" for each
     */
    public List<Map<String, Object>> getOverrides() {
        return overrides;
    }

    /**
     * The keys with limits of their own, for example {@code [{key: alice, limits: 1000/min}]}. The limits may be
     * {@code unlimited} or {@code deny}. Default: none.
     *
     * @param overrides a "key" and its "limits" for each
     */
    public void setOverrides(List<Map<String, Object>> overrides) {
        this.overrides = List.copyOf(overrides);
    }

    /**
     * Returns the cases.
     *
     * @return a text, or a map with "when", "limits" and "key", for each
     */
    public List<Object> getCases() {
        return cases;
    }

    /**
     * The cases, of which the first that matches a request applies, for example
     * <code>["anonymous: 60/h by {ip}", "authenticated: 5000/h by {principal}"]</code>. A case may also have the
     * properties {@code when}, {@code limits} and {@code key}. Default: none.
     *
     * @param cases a text, or a map with "when", "limits" and "key", for each
     */
    public void setCases(List<Object> cases) {
        this.cases = List.copyOf(cases);
    }

    /**
     * Returns the clients without limits.
     *
     * @return ranges of addresses
     */
    public List<String> getExempt() {
        return exempt;
    }

    /**
     * The addresses of clients that the policy does not limit, for example {@code [10.0.0.0/8, "2001:db8::/32"]}. Their
     * requests make no store call and have no headers of the policy. Default: none.
     *
     * @param exempt ranges of addresses, or addresses
     */
    public void setExempt(List<String> exempt) {
        this.exempt = List.copyOf(exempt);
    }

    /** Returns whether no property is set. */
    boolean isEmpty() {
        return limits.isEmpty()
                && key == null
                && onError.isEmpty()
                && deadline.isEmpty()
                && localLimit.isEmpty()
                && mode == Mode.EXACT
                && maxPrefetch.isEmpty()
                && overrides.isEmpty()
                && cases.isEmpty()
                && exempt.isEmpty()
                && holdAtMost.isEmpty()
                && holdUntil == HoldUntil.RESPONSE
                && chargeOn.isEmpty()
                && refundOn.isEmpty()
                && block == null
                && maxWait.isEmpty()
                && maxDebt.isEmpty()
                && maxReservations.isEmpty()
                && unsettled == Unsettled.CHARGE
                && candidate.isEmpty();
    }
}
