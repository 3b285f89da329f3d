package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;

/**
 * The answer to a request under several policies: all of them grant and are charged, or none is charged.
 *
 * @param asks what was asked
 * @param each the decision on each ask, in the same order. After a denial, an ask that did not deny shows its key as it
 *             stands, uncharged. A store that has to ask one after the other stops at the first denial; the list then
 *             ends with it
 */
public record Decisions(List<Ask> asks, List<Decision> each) {

    /**
     * Decisions on asks, both copied.
     *
     * @param asks what was asked
     * @param each the decision on each ask
     */
    public Decisions {
        asks = List.copyOf(asks);
        each = List.copyOf(each);
    }

    /**
     * Whether every ask was granted.
     *
     * @return {@code true} if the request may go on
     */
    public boolean allowed() {
        for (Decision decision : each) {
            if (!decision.allowed()) {
                return false;
            }
        }
        return true;
    }

    /**
     * These decisions and further ones on the same request.
     *
     * @param further what was decided afterwards
     * @return all of them
     */
    public Decisions and(Decisions further) {
        List<Ask> allAsks = new ArrayList<>(asks);
        allAsks.addAll(further.asks);
        List<Decision> all = new ArrayList<>(each);
        all.addAll(further.each);
        return new Decisions(allAsks, all);
    }

    /**
     * How long until no ask that denied would deny any more.
     *
     * @return microseconds; 0 if all granted, {@link Decision#NEVER} if one never can
     */
    public long retryAfterMicros() {
        long longest = 0;
        for (Decision decision : each) {
            long micros = decision.retryAfterMicros();
            if (micros == Decision.NEVER) {
                return Decision.NEVER;
            }
            longest = Math.max(longest, micros);
        }
        return longest;
    }
}
