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
 * How many decisions a limiter made, by policy, outcome, source and type: what metrics read. Of several policies asked at
 * once those count that settled it: all if all granted, else those that denied.
 *
 * <p>Bounded: policies beyond the first {@value #MAX_POLICIES} are counted together as {@value #OTHER}, and keys are not
 * told apart. To count a decision is to find a counter and add to it. Safe for use by any number of threads.
 */
public final class DecisionCounts {

    /** The policies that are counted apart. */
    public static final int MAX_POLICIES = 500;

    /** What the policies beyond are counted as. */
    public static final String OTHER = "other";

    private static final Logger LOG = LoggerFactory.getLogger(DecisionCounts.class);
    private static final int SOURCES = Decision.Source.values().length;

    private final Map<String, AtomicReferenceArray<@Nullable Series>> byPolicy = new ConcurrentHashMap<>();
    private final AtomicReferenceArray<@Nullable Series> ofOthers = newPolicy();
    private final List<Series> all = new ArrayList<>();
    private final List<Consumer<Series>> told = new ArrayList<>();

    /** The decisions of one policy, type, outcome and source. */
    public static final class Series {

        private final String policy;
        private final LimitType type;
        private final boolean allowed;
        private final Decision.Source source;
        private final LongAdder decisions = new LongAdder();
        /** Most requests cost one permit: only what they cost beyond that is added up. */
        private final LongAdder furtherPermits = new LongAdder();
        private final LongAdder nearLimit = new LongAdder();

        private Series(String policy, LimitType type, Decision decision) {
            this.policy = policy;
            this.type = type;
            this.allowed = decision.allowed();
            this.source = decision.source();
        }

        private void count(Policy asked, long permits, Decision decision) {
            decisions.increment();
            if (permits != 1) {
                furtherPermits.add(permits - 1);
            }
            if (RateLimitEvent.isNearLimit(asked, decision)) {
                nearLimit.increment();
            }
        }

        /**
         * The policy.
         *
         * @return its name, or {@link #OTHER}
         */
        public String policy() {
            return policy;
        }

        /**
         * What was limited.
         *
         * @return the type
         */
        public LimitType type() {
            return type;
        }

        /**
         * How it was decided.
         *
         * @return {@code true} if granted, {@code false} if denied
         */
        public boolean allowed() {
            return allowed;
        }

        /**
         * Where it was decided.
         *
         * @return the source
         */
        public Decision.Source source() {
            return source;
        }

        /**
         * The decisions.
         *
         * @return a count that only grows
         */
        public long decisions() {
            return decisions.sum();
        }

        /**
         * The permits asked for.
         *
         * @return a count that only grows
         */
        public long permits() {
            return Math.max(0, decisions.sum() + furtherPermits.sum());
        }

        /**
         * The decisions that left a limit nearly used up; see {@link RateLimitEvent#isNearLimit()}.
         *
         * @return a count that only grows; 0 for denials
         */
        public long nearLimit() {
            return nearLimit.sum();
        }
    }

    DecisionCounts() {
    }

    void count(Policy policy, LimitType type, long permits, Decision decision) {
        AtomicReferenceArray<@Nullable Series> ofPolicy = byPolicy.get(policy.name());
        if (ofPolicy == null) {
            ofPolicy = add(policy.name());
        }
        int place = (type.ordinal() * SOURCES + decision.source().ordinal()) * 2 + (decision.allowed() ? 1 : 0);
        Series series = ofPolicy.get(place);
        if (series == null) {
            series = add(ofPolicy, place, ofPolicy == ofOthers ? OTHER : policy.name(), type, decision);
        }
        series.count(policy, permits, decision);
    }

    void count(Decisions decisions) {
        boolean allowed = decisions.allowed();
        for (int i = 0; i < decisions.each().size(); i++) {
            Decision decision = decisions.each().get(i);
            if (decision.allowed() == allowed) {
                Ask ask = decisions.asks().get(i);
                count(ask.policy(), ask.type(), ask.permits(), decision);
            }
        }
    }

    private synchronized AtomicReferenceArray<@Nullable Series> add(String policy) {
        return byPolicy.size() < MAX_POLICIES || byPolicy.containsKey(policy)
                ? byPolicy.computeIfAbsent(policy, name -> newPolicy()) : ofOthers;
    }

    private synchronized Series add(AtomicReferenceArray<@Nullable Series> ofPolicy, int place, String policy,
                                    LimitType type, Decision decision) {
        Series present = ofPolicy.get(place);
        if (present != null) {
            return present;
        }
        Series added = new Series(policy, type, decision);
        ofPolicy.set(place, added);
        all.add(added);
        told.forEach(teller -> tell(teller, added));
        return added;
    }

    /**
     * The decisions so far.
     *
     * @return what was decided at least once, in no particular order; the elements go on counting
     */
    public synchronized List<Series> all() {
        return List.copyOf(all);
    }

    /**
     * Asks to be told of every series, those there are already and each new one when its first decision is made, on the
     * thread that made it. What the consumer throws is logged and changes nothing.
     *
     * @param consumer told once of each
     */
    public synchronized void forEach(Consumer<Series> consumer) {
        told.add(consumer);
        all.forEach(series -> tell(consumer, series));
    }

    private static void tell(Consumer<Series> consumer, Series series) {
        try {
            consumer.accept(series);
        } catch (RuntimeException | LinkageError e) {
            LOG.warn("The decisions of the policy \"{}\" could not be shown; they stand.", series.policy, e);
        }
    }

    private static AtomicReferenceArray<@Nullable Series> newPolicy() {
        return new AtomicReferenceArray<>(LimitType.values().length * SOURCES * 2);
    }
}
