package io.github.micronautratelimit.dynamodb;

import java.math.BigInteger;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.SlidingWindow;
import io.github.micronautratelimit.TokenBucket;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * What an item keeps for one limit: how it is read, and how it is charged where it lies.
 *
 * <p>A charge is written as a condition and an assignment that mean the same on whatever state they meet, so that callers
 * do not have to agree on a state first: two that both fit may come in any order. What a caller has seen before only makes
 * it likely that the condition holds. It never makes a wrong write possible. Attributes of the limit at index i are
 * named by a letter and i.
 */
abstract sealed class Part permits Bucket, Fixed, Sliding {

    /** A caller whose clock lags no more than this behind the last writer's need not ask again to be told. */
    static final long IN_FLIGHT_MICROS = 1_000_000;

    static Part blank(Limit limit) {
        if (limit instanceof TokenBucket bucket) {
            return Bucket.blank(bucket);
        }
        return limit instanceof FixedWindow fixed ? Fixed.blank(fixed) : Sliding.blank((SlidingWindow) limit);
    }

    static Part read(Limit limit, int i, Map<String, AttributeValue> item) {
        if (limit instanceof TokenBucket bucket) {
            return Bucket.read(bucket, i, item);
        }
        return limit instanceof FixedWindow fixed ? Fixed.read(fixed, i, item)
                : Sliding.read((SlidingWindow) limit, i, item);
    }

    abstract Limit limit();

    /** The state in the core's form. */
    abstract LimitState state();

    /** The same in the numbers of another limit; {@code null} if that one starts afresh. */
    abstract @Nullable Part under(Limit other);

    /** The instant at which this decides: the caller's, or its own if that is later, for time never runs backwards. */
    abstract long instant(long now);

    /** The part after a charge at an instant not before its own. */
    abstract Part charged(long permits, long instant, long stamp);

    /** The part after permits were given back at an instant. */
    abstract Part refunded(long permits, long instant);

    /** Puts the attributes into a whole item. */
    abstract void write(int i, Map<String, AttributeValue> item, long stamp);

    /**
     * Writes the charge into an update.
     *
     * @param sure whether the item was found as this by the same call, and not some time ago
     */
    abstract void charge(Update update, int i, long permits, long now, boolean sure);

    /** Writes a refund into an update, if it means the same on whatever it meets; if not, writes nothing. */
    abstract boolean giveBack(Update update, int i, long permits, long now);

    static boolean has(Map<String, AttributeValue> item, String name) {
        return item.containsKey(name);
    }

    static long number(Map<String, AttributeValue> item, String name) {
        return Long.parseLong(text(item, name));
    }

    static BigInteger large(Map<String, AttributeValue> item, String name) {
        return new BigInteger(text(item, name));
    }

    private static String text(Map<String, AttributeValue> item, String name) {
        AttributeValue value = item.get(name);
        if (value == null || value.n() == null) {
            throw new RateLimitDefectException(new IllegalStateException("the attribute " + name + " of an item is no "
                    + "number: the table holds something that is no rate limit; delete the item, or give the rate limits "
                    + "a table of their own."));
        }
        return value.n();
    }

    static AttributeValue value(long number) {
        return AttributeValue.fromN(Long.toString(number));
    }
}
