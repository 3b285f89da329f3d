package io.github.micronautratelimit.dynamodb;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The items as this process has seen them last, and the shares of lost bets. It only predicts which request to send; it
 * never decides. Safe for use by any number of threads.
 */
final class ItemCache {

    private static final int MAX_ITEMS = 10_000;
    private static final int MAX_POLICIES = 1_000;

    private final Map<String, Item> items = bounded(MAX_ITEMS);
    private final Map<String, EmptyWindowBets> bets = bounded(MAX_POLICIES);

    private static <V> Map<String, V> bounded(int most) {
        return Collections.synchronizedMap(new LeastRecentlyUsed<>(most));
    }

    @Nullable
    Item get(String key) {
        return items.get(key);
    }

    void put(String key, Item item) {
        items.put(key, item);
    }

    void remove(String key) {
        items.remove(key);
    }

    void clear() {
        items.clear();
    }

    /** Returns the bets on empty windows under a policy. */
    EmptyWindowBets bets(String policy) {
        return bets.computeIfAbsent(policy, name -> new EmptyWindowBets());
    }

    /**
     * The share of the bets that were lost lately. A caller that has not seen a sliding window bets that it is empty. A
     * lost bet is a write that fails; a read beforehand costs a fifth of it.
     */
    static final class EmptyWindowBets {

        private static final double PRICE_OF_A_READ = 0.2;
        /** About as many bets are remembered. */
        private static final double MEMORY = 64;

        private double lost;

        synchronized void made(boolean isLost) {
            lost += ((isLost ? 1 : 0) - lost) / MEMORY;
        }

        /** Returns whether a read before a bet costs less than the bets that are lost. */
        synchronized boolean areDearerThanReads() {
            return lost > PRICE_OF_A_READ;
        }
    }

    /** Removes the least recently used entry if there are too many. */
    private static final class LeastRecentlyUsed<V> extends LinkedHashMap<String, V> {

        private static final long serialVersionUID = 1L;

        private final int most;

        LeastRecentlyUsed(int most) {
            super(16, 0.75f, true);
            this.most = most;
        }

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
            return size() > most;
        }
    }
}
