package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.dynamodb.DynamoDbTable.Update;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.math.BigInteger;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * The attributes of an item that keep the state of one limit. Their names are a letter and the index of the limit in
 * the policy; {@link Item} lists them.
 *
 * <p>A charge is written as a condition and an assignment that are correct for any stored state. So concurrent charges
 * need not agree on a state: if there are permits for both, they succeed in any order. The state that a process has
 * seen only selects a condition that probably holds. It never makes a wrong write possible.
 *
 * <p>Implementations are immutable. Instants are in microseconds since the epoch.
 */
interface LimitAttributes {

    /**
     * A charge or a refund.
     *
     * @param permits   the permits, 0 or more
     * @param maxDebt   of a charge: the permits that may be missing afterwards beyond the capacity, as in
     *                  {@link LimitState#chargeBeyond}
     * @param chargedAt of a refund: the instant of the charge, or {@link LimitState#LATEST}
     * @param now       the present
     * @param version   the version that the write gives to the item
     * @param limits    the number of limits that the item keeps
     * @param certain   whether these attributes were read by the same call, and not cached earlier
     * @param remembers whether the item remembers refunds or reservations; see {@link Item}
     */
    record Change(
            long permits,
            long maxDebt,
            long chargedAt,
            long now,
            long version,
            int limits,
            boolean certain,
            boolean remembers) {

        /** Returns a charge of nothing, which only brings the state forward. */
        Change ofNothing() {
            return new Change(0, Limit.MAX_PERMITS, chargedAt, now, version, limits, certain, remembers);
        }

        boolean isOfLatest() {
            return chargedAt == LimitState.LATEST;
        }
    }

    Limit limit();

    LimitState state();

    /**
     * Returns the attributes under a changed limit, or {@code null} if that limit starts with an empty state.
     *
     * @param now the instant of the change
     */
    @Nullable
    LimitAttributes under(Limit other, long now);

    /** Returns the time after which the state is empty if nothing more is charged, in microseconds. */
    long lifeMicros();

    /** Returns the instant of a decision: the present or, if it is later, the instant of the state. */
    long instant(long now);

    /** Returns the attributes after a charge. */
    LimitAttributes charged(long permits, long instant, long version);

    /** Returns the permits that can be charged at most if there may be a debt; see {@link Limit#mostMissing}. */
    long room(long maxDebt, long instant);

    /** Returns the attributes after a refund; see {@link LimitState#refund}. */
    LimitAttributes refunded(long permits, long chargedAt, long instant);

    /** Returns whether an item with these attributes has to remember a refund. */
    default boolean remembers() {
        return false;
    }

    /**
     * Returns whether a charge bets that nothing is charged at an instant, because it cannot be written so that it is
     * correct otherwise.
     */
    default boolean isBetOnEmpty(long now) {
        return false;
    }

    /** Adds the attributes to a whole item. */
    void write(Map<String, AttributeValue> item, int index, long version);

    /** Adds a charge to an update. There is {@link #room} for it. */
    void charge(Update update, int index, Change change);

    /**
     * Adds a refund to an update, if it can be written so that it is correct for any stored state.
     *
     * @return whether it was added
     */
    boolean refund(Update update, int index, Change change);

    /** Reads a number. */
    static long number(Map<String, AttributeValue> item, String attribute) {
        return Long.parseLong(digits(item, attribute));
    }

    /** Reads a number of any size. */
    static BigInteger large(Map<String, AttributeValue> item, String attribute) {
        return new BigInteger(digits(item, attribute));
    }

    private static String digits(Map<String, AttributeValue> item, String attribute) {
        AttributeValue value = item.get(attribute);
        if (value == null || value.n() == null) {
            throw unreadable("the attribute " + attribute + " of an item is not a number");
        }
        return value.n();
    }

    /** Reads a map. */
    static Map<String, AttributeValue> map(Map<String, AttributeValue> item, String attribute) {
        AttributeValue value = item.get(attribute);
        if (value == null || !value.hasM()) {
            throw unreadable("the attribute " + attribute + " of an item is not a map");
        }
        return value.m();
    }

    static AttributeValue value(long number) {
        return AttributeValue.fromN(Long.toString(number));
    }

    /** Makes the failure of an item that other software has written. */
    static NonRetryableStoreException unreadable(String reason) {
        return new NonRetryableStoreException(
                new IllegalStateException(reason + "; delete the item, or use a separate table for the rate limits."));
    }
}
