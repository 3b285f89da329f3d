package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.Policy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;

/** The executions of the store and the decisions of the instances, per policy. Each policy has one key. */
final class Ledger {

    private final Map<String, Account> accounts = new LinkedHashMap<>();
    /** The first violation of each rule. */
    private final Map<String, String> violations = new TreeMap<>();

    private final Map<Integer, Long> lastLosses = new HashMap<>();

    /** An amount at a time. */
    record Entry(long micros, long permits) {}

    /** The entries of one policy. */
    static final class Account {

        /** Permits that the store has charged, also those of a second delivery. */
        private final List<Entry> executions = new ArrayList<>();
        /** Permits that fallbacks have granted. */
        private final List<Entry> fallbacks = new ArrayList<>();
        /** Permits that the instances have granted in any way. */
        private final List<Entry> grants = new ArrayList<>();

        private long executed;
        private long executedAgain;
        private double executedRefunds;
        private long grantedByStore;
        private long refunds;
        private long lostRefunds;
        private long lastRefundMicros = Long.MIN_VALUE;
        private final Set<Long> executedBlocks = new HashSet<>();
        private long blockedUntilMicros = Long.MIN_VALUE;

        void executed(long micros, long permits, boolean again) {
            executions.add(new Entry(micros, permits));
            executed += permits;
            executedAgain += again ? permits : 0;
        }

        void executedRefund(long micros, double permits) {
            executedRefunds += permits;
            lastRefundMicros = micros;
        }

        /** Records a refund for a denied request that the store has perhaps not executed. */
        void refundLost(long permits) {
            lostRefunds += permits;
        }

        /** Records a block. Blocks of a run have different lengths. */
        void blocked(long micros, long length) {
            executedBlocks.add(length);
            blockedUntilMicros = Math.max(blockedUntilMicros, micros + length);
        }

        /** Records that all permits are free and a block is lifted. */
        void reset(long micros) {
            blockedUntilMicros = Long.MIN_VALUE;
            lastRefundMicros = micros;
        }

        void granted(long micros, long permits, boolean fallback) {
            grants.add(new Entry(micros, permits));
            if (fallback) {
                fallbacks.add(new Entry(micros, permits));
            } else {
                grantedByStore += permits;
            }
        }

        void refunds(long permits) {
            refunds += permits;
        }

        List<Entry> executions() {
            return executions;
        }

        List<Entry> fallbacks() {
            return fallbacks;
        }

        List<Entry> grants() {
            return grants;
        }

        long executed() {
            return executed;
        }

        long executedAgain() {
            return executedAgain;
        }

        /** Returns permits and fractions of them. */
        double executedRefunds() {
            return executedRefunds;
        }

        long grantedByStore() {
            return grantedByStore;
        }

        /** Returns the permits that clients have given back, in whatever way. */
        long refunds() {
            return refunds;
        }

        long lostRefunds() {
            return lostRefunds;
        }

        boolean hasExecutedBlock(long length) {
            return executedBlocks.contains(length);
        }

        /** Returns whether the store denies requests because of a block. */
        boolean isBlocked(long micros) {
            return micros < blockedUntilMicros;
        }

        /** Returns when the store has last given back permits. */
        long lastRefundMicros() {
            return lastRefundMicros;
        }
    }

    Account of(Policy policy) {
        return accounts.computeIfAbsent(policy.name(), name -> new Account());
    }

    void lost(int part, long micros) {
        lastLosses.put(part, micros);
    }

    /** Returns whether a part has lost data lately. */
    boolean hasLost(int part, long sinceMicros) {
        return lastLosses.getOrDefault(part, Long.MIN_VALUE) >= sinceMicros;
    }

    /** Records a violation if a rule does not hold. */
    void check(String rule, boolean holds, Supplier<String> detail) {
        if (!holds) {
            violations.computeIfAbsent(rule, first -> detail.get());
        }
    }

    /** Returns all grants of each policy. */
    Map<String, List<Entry>> grants() {
        Map<String, List<Entry>> grants = new TreeMap<>();
        accounts.forEach((policy, account) -> grants.put(policy, account.grants()));
        return grants;
    }

    /** Returns the violated rules, with the first violation of each. */
    Map<String, String> violations() {
        return violations;
    }
}
