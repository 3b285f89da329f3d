package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the decisions of a limiter by policy, outcome, source and origin, for metrics. If several
 * policies are decided together, the decisions that settled the answer count: all if all were allowed, otherwise the
 * denials.
 *
 * <p>Memory is bounded: policies beyond the first {@value #MAX_POLICIES} are counted together as {@value #OTHER}, and
 * keys are not distinguished. Safe for use by any number of threads.
 */
public final class DecisionCounts {

    /** The number of policies with counters of their own. */
    public static final int MAX_POLICIES = 500;

    /** The name under which further policies are counted. */
    public static final String OTHER = "other";

    private static final Logger LOG = LoggerFactory.getLogger(DecisionCounts.class);
    private static final int SOURCES = Decision.Source.values().length;
    private static final int OUTCOMES = 5;
    /** A power of two. */
    private static final int RECENT = 16;

    /** Immutable, so threads need no synchronization to share it. */
    private record RecentPolicy(String name, AtomicReferenceArray<@Nullable Series> series) {}

    private final Map<String, AtomicReferenceArray<@Nullable Series>> byPolicy = new ConcurrentHashMap<>();
    /** The counters of the policies used last, by hash, because the look-up in the map takes as long as the count. */
    private final @Nullable RecentPolicy[] recent = new RecentPolicy[RECENT];

    private final AtomicReferenceArray<@Nullable Series> ofOthers = newPolicy();
    private final List<Series> all = new ArrayList<>();
    private final List<Consumer<Series>> consumers = new ArrayList<>();

    /** The counters of one policy, origin, outcome and source. */
    public static final class Series {

        private final String policy;
        private final PermitRequest.Origin origin;
        private final boolean allowed;
        private final boolean unavailable;
        private final boolean shadow;
        private final Decision.Source source;
        private final LongAdder decisions = new LongAdder();
        /** Sums only the cost beyond one permit, because most requests cost one. */
        private final LongAdder furtherPermits = new LongAdder();

        private final LongAdder nearLimit = new LongAdder();
        private final LongAdder refundedPermits = new LongAdder();
        private final LongAdder settledBelow = new LongAdder();
        private final LongAdder settledBeyond = new LongAdder();
        private final LongAdder blocks = new LongAdder();
        private final LongAdder allowedByCandidate = new LongAdder();
        private final LongAdder deniedByCandidate = new LongAdder();

        private Series(
                String policy, PermitRequest.Origin origin, Decision decision, boolean unavailable, boolean shadow) {
            this.policy = policy;
            this.shadow = shadow;
            this.origin = origin;
            this.allowed = decision.allowed();
            this.unavailable = unavailable;
            this.source = decision.source();
        }

        private void count(Policy requested, long permits, Decision decision) {
            decisions.increment();
            if (permits != 1) {
                furtherPermits.add(permits - 1);
            }
            if (RateLimitEvent.isNearLimit(requested, decision)) {
                nearLimit.increment();
            }
        }

        /**
         * Returns the policy.
         *
         * @return its name, or {@link #OTHER}
         */
        public String policy() {
            return policy;
        }

        /**
         * Returns which integration made the requests.
         *
         * @return the origin
         */
        public PermitRequest.Origin origin() {
            return origin;
        }

        /**
         * Returns the outcome.
         *
         * @return {@code true} if allowed, {@code false} if denied
         */
        public boolean allowed() {
            return allowed;
        }

        /**
         * Returns whether the denials were none by a limit; see {@link Decision#isUnavailable}.
         *
         * @return {@code true} if denied because the store was unavailable
         */
        public boolean unavailable() {
            return unavailable;
        }

        /**
         * Returns whether the policy was in shadow mode, so that the requests proceeded; see
         * {@link Policy#withShadow}.
         *
         * @return {@code true} if the outcome was not enforced
         */
        public boolean shadow() {
            return shadow;
        }

        /**
         * Returns the number of these requests that the candidate of the policy would have allowed.
         *
         * @return a count that never decreases; 0 without a candidate
         */
        public long allowedByCandidate() {
            return allowedByCandidate.sum();
        }

        /**
         * Returns the number of these requests that the candidate of the policy would have denied.
         *
         * @return a count that never decreases; 0 without a candidate
         */
        public long deniedByCandidate() {
            return deniedByCandidate.sum();
        }

        /**
         * Returns where the decisions were made.
         *
         * @return the source
         */
        public Decision.Source source() {
            return source;
        }

        /**
         * Returns the number of decisions.
         *
         * @return a count that never decreases
         */
        public long decisions() {
            return decisions.sum();
        }

        /**
         * Returns the permits of the requests.
         *
         * @return a count that never decreases
         */
        public long permits() {
            return Math.max(0, decisions.sum() + furtherPermits.sum());
        }

        /**
         * Returns the number of decisions that left a limit nearly exhausted; see {@link RateLimitEvent#isNearLimit()}.
         *
         * @return a count that never decreases; 0 for denials
         */
        public long nearLimit() {
            return nearLimit.sum();
        }

        /**
         * Returns the permits of these requests that were given back: because of their outcome, or because a later step
         * denied them.
         *
         * @return a count that never decreases; 0 for denials
         */
        public long refundedPermits() {
            return refundedPermits.sum();
        }

        /**
         * Returns the permits of these requests that settlements gave back, because the real cost was below the
         * estimate.
         *
         * @return a count that never decreases; 0 for denials
         */
        public long settledBelow() {
            return settledBelow.sum();
        }

        /**
         * Returns the permits by which the real cost of these requests exceeded the estimate.
         *
         * @return a count that never decreases; 0 for denials
         */
        public long settledBeyond() {
            return settledBeyond.sum();
        }

        /**
         * Returns the number of these denials that a block followed; see {@link Policy#withBlock}.
         *
         * @return a count that never decreases; 0 for grants
         */
        public long blocks() {
            return blocks.sum();
        }
    }

    DecisionCounts() {}

    /** Counts a block of a key that follows this denial. */
    void countBlock(PermitRequest request, Decision denial) {
        series(request.policy(), request.origin(), denial).blocks.increment();
    }

    /** Counts the decision of a candidate beside that of the policy, which was counted before. */
    void countCandidate(PermitRequest request, Decision decision, boolean allowed) {
        Series series = series(request.policy(), request.origin(), decision);
        (allowed ? series.allowedByCandidate : series.deniedByCandidate).increment();
    }

    /** Counts permits that are given back for a request that was counted before. */
    void countRefund(PermitRequest request, Decision decision, long permits) {
        series(request.policy(), request.origin(), decision).refundedPermits.add(permits);
    }

    /** Counts the rest of the estimate of a request, which is negative if its real cost exceeds the estimate. */
    void countSettlement(PermitRequest request, Decision decision, long rest) {
        Series series = series(request.policy(), request.origin(), decision);
        (rest < 0 ? series.settledBeyond : series.settledBelow).add(Math.abs(rest));
    }

    void count(Policy policy, PermitRequest.Origin origin, long permits, Decision decision) {
        series(policy, origin, decision).count(policy, permits, decision);
    }

    private Series series(Policy policy, PermitRequest.Origin origin, Decision decision) {
        AtomicReferenceArray<@Nullable Series> ofPolicy = ofPolicy(policy.name());
        boolean shadow = policy.isShadow();
        boolean unavailable = !shadow && decision.isUnavailable(policy);
        int outcome = (decision.allowed() ? 1 : unavailable ? 2 : 0) + (shadow ? 3 : 0);
        int index = (origin.ordinal() * SOURCES + decision.source().ordinal()) * OUTCOMES + outcome;
        Series series = ofPolicy.get(index);
        return series == null
                ? add(
                        ofPolicy,
                        index,
                        ofPolicy == ofOthers ? OTHER : policy.name(),
                        origin,
                        decision,
                        unavailable,
                        shadow)
                : series;
    }

    private AtomicReferenceArray<@Nullable Series> ofPolicy(String name) {
        int slot = name.hashCode() & RECENT - 1;
        RecentPolicy last = recent[slot];
        if (last == null || !last.name.equals(name)) {
            AtomicReferenceArray<@Nullable Series> known = byPolicy.get(name);
            last = new RecentPolicy(name, known == null ? add(name) : known);
            recent[slot] = last;
        }
        return last.series;
    }

    void count(Decisions decisions) {
        boolean allowed = decisions.allowed();
        for (int i = 0; i < decisions.list().size(); i++) {
            Decision decision = decisions.list().get(i);
            if (allowed || decision instanceof Decision.Denied) {
                PermitRequest request = decisions.requests().get(i);
                count(request.policy(), request.origin(), request.permits(), decision);
            }
        }
    }

    private synchronized AtomicReferenceArray<@Nullable Series> add(String policy) {
        return byPolicy.size() < MAX_POLICIES || byPolicy.containsKey(policy)
                ? byPolicy.computeIfAbsent(policy, name -> newPolicy())
                : ofOthers;
    }

    private synchronized Series add(
            AtomicReferenceArray<@Nullable Series> ofPolicy,
            int index,
            String policy,
            PermitRequest.Origin origin,
            Decision decision,
            boolean unavailable,
            boolean shadow) {
        Series present = ofPolicy.get(index);
        if (present != null) {
            return present;
        }
        Series added = new Series(policy, origin, decision, unavailable, shadow);
        ofPolicy.set(index, added);
        all.add(added);
        consumers.forEach(consumer -> notify(consumer, added));
        return added;
    }

    /**
     * Returns the counters of all decisions so far.
     *
     * @return in no particular order; the elements continue to count
     */
    public synchronized List<Series> all() {
        return List.copyOf(all);
    }

    /**
     * Registers a consumer of counters. It receives the existing ones now, and each new one on the thread of its first
     * decision. Exceptions of the consumer are logged and change no decision.
     *
     * @param consumer receives each element once
     */
    public synchronized void forEach(Consumer<Series> consumer) {
        consumers.add(consumer);
        all.forEach(series -> notify(consumer, series));
    }

    private static void notify(Consumer<Series> consumer, Series series) {
        try {
            consumer.accept(series);
        } catch (RuntimeException | LinkageError e) {
            LOG.warn(
                    "A consumer of the counters of policy \"{}\" failed. Decisions are not affected.",
                    series.policy,
                    e);
        }
    }

    private static AtomicReferenceArray<@Nullable Series> newPolicy() {
        return new AtomicReferenceArray<>(PermitRequest.Origin.values().length * SOURCES * OUTCOMES);
    }
}
