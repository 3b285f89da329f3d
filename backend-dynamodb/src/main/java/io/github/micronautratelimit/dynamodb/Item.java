package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * An item of the table: the state of one key under the rate limits of one policy. An immutable value; a key without an
 * item has a blank one.
 *
 * <p>The attributes have short names, because an item of more than 1 KB costs two write units. {@code i} is the index
 * of a limit in the policy; instants are in microseconds since the epoch.
 *
 * <pre>
 * attribute  type  meaning                                              written by
 *
 * every item
 * pk         S     namespace:policy:hash of the key                     every write
 * ttl        N     second from which on the table may delete the item   every write
 *
 * rate limits
 * k          S     the limits of the other attributes, as text; with    every write
 *                  the suffix "+" if there is an s{i} or o
 * v          N     version: a number that no other write has            every write
 * b          N     instant at which a block ends                        block; a charge or refund in place removes it
 * o          M     open reservations; the keys are their UUIDs in       reserve, settle
 *                  base64url; the values are binary: permits in 5
 *                  bytes, instant of the charge in 7, then twice the
 *                  time to live, plus 1 if they are refunded then
 * e          N     instant before which no reservation in o expires     reserve, settle
 *
 * token bucket
 * f{i}       N     instant at which the bucket is full, in units        charge, refund
 * t{i}       N     instant of the last change                           charge, refund
 * m{i}x{s}   N     mark: copy of f{i} for the time interval whose       charge, refund
 *                  number is s modulo 32
 * s{i}       N     instant since which every change has found the       refund, charge; either removes it if the
 *                  bucket half empty, if it had a refund since full     bucket is full
 * c{i}       N     instant of the last refund that gave back more than  refund; removed with s{i}
 *                  was unpaid for certain
 *
 * fixed window
 * w{i}       N     number of the window since the epoch; of a calendar  charge, refund
 *                  quota, of the day, week, month or year since year 0
 * u{i}x{s}   N     permits charged in the window whose number is s      charge, refund; the charge of another window
 *                  modulo 32                                            removes it
 *
 * sliding window
 * n{i}       N     total of all permits charged                         charge, refund
 * g{i}       N     number of the segment of the last change             charge, refund
 * p{i}       M     total at the start of each segment; the keys are     the first charge of a segment; later charges
 *                  a0 to m9, the number of the segment modulo 130       remove segments that left the window
 * r{i}       N     lineage: the version of the write that the total     the charge of an empty window, PutItem, the
 *                  starts with                                          refund of a segment that is not the newest
 *
 * slots of a concurrency limit: an item of its own, whose pk ends with :c
 * n          N     number of holders, expired ones included             acquire, release
 * h{holder}  N     instant at which the lease of a holder expires; the  acquire, renew; release and the acquire of an
 *                  name is the UUID of the holder in base64url          expired slot remove it
 * </pre>
 *
 * <p>A write is an UpdateItem with conditions. If the limits of the policy have changed, a reservation has expired, or
 * a refund cannot be written as an update, it is a PutItem of the whole item, on condition that {@code v} has not
 * changed.
 *
 * <p>An item with {@code s{i}} or {@code o} <em>remembers</em> what its next change depends on. The suffix of {@code k}
 * lets the updates of a caller fail that does not know this. Once nothing is left to remember, the suffix goes.
 *
 * @param limits       the limits that the item was written under, as text
 * @param attributes   the attributes of each limit
 * @param version      the version; {@code null} if there is no item
 * @param blockedUntil the end of a block, or {@link #NOT_BLOCKED}
 * @param reservations the open reservations
 * @param remembers    whether {@code k} has the suffix
 * @param expiry       the second from which on the table may delete the item
 */
record Item(
        String limits,
        List<LimitAttributes> attributes,
        @Nullable String version,
        long blockedUntil,
        OpenReservations reservations,
        boolean remembers,
        long expiry) {

    static final String LIMITS = "k";
    static final String VERSION = "v";
    static final String BLOCKED_UNTIL = "b";

    static final long NOT_BLOCKED = 0;

    private static final String REMEMBERS = "+";

    /** Clocks are corrected to a second each, and a write may be on its way for less than a second. */
    private static final long CLOCKS_AGREE_MILLIS = 3_000;

    /** Returns the limits of a policy as {@link #LIMITS} keeps them. */
    static String limitsOf(Policy policy) {
        return policy.rateLimits().stream().map(Limit::toString).collect(Collectors.joining("; "));
    }

    static Item blank(Policy policy) {
        return new Item(
                limitsOf(policy),
                policy.rateLimits().stream().map(Item::blankAttributes).toList(),
                null,
                NOT_BLOCKED,
                OpenReservations.NONE,
                false,
                0);
    }

    private static LimitAttributes blankAttributes(Limit limit) {
        if (limit instanceof TokenBucket bucket) {
            return TokenBucketAttributes.blank(bucket);
        }
        return limit instanceof FixedWindow fixed
                ? WindowAttributes.Fixed.blank(fixed)
                : WindowAttributes.Sliding.blank((SlidingWindow) limit);
    }

    /** Reads an item, which may have been written under other limits. An empty map is a blank item. */
    static Item read(Map<String, AttributeValue> item, Policy policy) {
        if (item.isEmpty()) {
            return blank(policy);
        }
        AttributeValue written = item.get(LIMITS);
        AttributeValue version = item.get(VERSION);
        if (written == null || written.s() == null || version == null || version.n() == null) {
            AttributeValue key = item.get(DynamoDbTable.KEY);
            throw LimitAttributes.unreadable(
                    "the item " + (key == null ? "" : key.s()) + " does not contain rate limits");
        }
        boolean remembers = written.s().endsWith(REMEMBERS);
        String text = remembers ? written.s().substring(0, written.s().length() - REMEMBERS.length()) : written.s();
        List<Limit> limits = text.equals(limitsOf(policy)) ? policy.rateLimits() : parse(text);
        List<LimitAttributes> attributes = new ArrayList<>(limits.size());
        for (int i = 0; i < limits.size(); i++) {
            attributes.add(readAttributes(limits.get(i), i, item));
        }
        long blockedUntil = item.containsKey(BLOCKED_UNTIL) ? LimitAttributes.number(item, BLOCKED_UNTIL) : NOT_BLOCKED;
        return new Item(
                text,
                attributes,
                version.n(),
                blockedUntil,
                OpenReservations.read(item),
                remembers,
                item.containsKey(DynamoDbTable.EXPIRES) ? LimitAttributes.number(item, DynamoDbTable.EXPIRES) : 0);
    }

    private static List<Limit> parse(String limits) {
        try {
            return Limit.parseAll(limits);
        } catch (IllegalArgumentException e) {
            throw new NonRetryableStoreException(new IllegalStateException(
                    "the limits of an item cannot be parsed; a newer version or other software wrote them: "
                            + e.getMessage(),
                    e));
        }
    }

    private static LimitAttributes readAttributes(Limit limit, int index, Map<String, AttributeValue> item) {
        if (limit instanceof TokenBucket bucket) {
            return TokenBucketAttributes.read(bucket, index, item);
        }
        return limit instanceof FixedWindow fixed
                ? WindowAttributes.Fixed.read(fixed, index, item)
                : WindowAttributes.Sliding.read((SlidingWindow) limit, index, item);
    }

    /** Returns all attributes, to replace an item. */
    Map<String, AttributeValue> write(String key, long newVersion, long newExpiry) {
        Map<String, AttributeValue> item = new HashMap<>();
        item.put(DynamoDbTable.KEY, AttributeValue.fromS(key));
        item.put(DynamoDbTable.EXPIRES, LimitAttributes.value(newExpiry));
        item.put(LIMITS, AttributeValue.fromS(text()));
        item.put(VERSION, LimitAttributes.value(newVersion));
        if (blockedUntil != NOT_BLOCKED) {
            item.put(BLOCKED_UNTIL, LimitAttributes.value(blockedUntil));
        }
        for (int i = 0; i < attributes.size(); i++) {
            attributes.get(i).write(item, i, newVersion);
        }
        reservations.write(item);
        return item;
    }

    /** Returns the value of {@link #LIMITS}. */
    String text() {
        return remembers ? limits + REMEMBERS : limits;
    }

    boolean hasLimitsOf(Policy policy) {
        return limits.equals(limitsOf(policy));
    }

    boolean hasVersion(long number) {
        return Long.toString(number).equals(version);
    }

    /**
     * Returns whether this item was certainly written before a write of which no response came, so that it does not
     * contain that write.
     *
     * @param number the version of that write
     * @param before the version that its writer knew then, or {@code null}
     */
    boolean isOlderThan(long number, @Nullable String before) {
        return version == null
                || version.equals(before)
                || new BigInteger(version).longValue() / DynamoDbTable.VERSIONS_PER_MILLI + CLOCKS_AGREE_MILLIS
                        < number / DynamoDbTable.VERSIONS_PER_MILLI;
    }

    boolean isBlocked(long now) {
        return now < blockedUntil;
    }

    /** Returns the time after which a state without a debt is empty if nothing more is charged. */
    long lifeMicros() {
        return attributes.stream().mapToLong(LimitAttributes::lifeMicros).max().orElseThrow();
    }

    /**
     * Returns the state at an instant under the limits of a policy. Reservations that have expired by then are refunded
     * if they are of that kind; the state does not contain the open ones.
     */
    LimitState state(Policy policy, long now) {
        LimitState stored =
                LimitState.of(attributes.stream().map(LimitAttributes::state).toList());
        if (isBlocked(now)) {
            stored = stored.blockedUntil(blockedUntil);
        }
        for (OpenReservations.Open expired : reservations.expiredAt(now)) {
            if (expired.refundedAtExpiry()) {
                stored = expired.addTo(stored);
            }
        }
        return LimitState.carryOver(policy.rateLimits(), stored, now);
    }

    /** Returns whether a charge bets on an empty window. */
    boolean isBetOnEmpty(long now) {
        return attributes.stream().anyMatch(each -> each.isBetOnEmpty(now));
    }

    /** Returns this item after a charge whose instants were derived from another view of the key. */
    Item charged(Item seen, long permits, long now, long newVersion) {
        List<LimitAttributes> charged = new ArrayList<>(attributes.size());
        for (int i = 0; i < attributes.size(); i++) {
            long instant = seen.attributes.get(i).instant(now);
            charged.add(attributes.get(i).charged(permits, instant, newVersion));
        }
        return new Item(
                limits, charged, Long.toString(newVersion), NOT_BLOCKED, reservations, remembers(charged), expiry);
    }

    /** Returns this item after a charge of permits that need not be free; see {@link LimitState#chargeBeyond}. */
    Item chargedBeyond(long permits, long maxDebt, long now, long newVersion) {
        return with(attributes.stream()
                .map(each -> {
                    long instant = each.instant(now);
                    return each.charged(Math.min(permits, each.room(maxDebt, instant)), instant, newVersion);
                })
                .toList());
    }

    Item refunded(long permits, long chargedAt, long now) {
        return with(attributes.stream()
                .map(each -> each.refunded(permits, chargedAt, each.instant(now)))
                .toList());
    }

    private Item with(List<LimitAttributes> changed) {
        return new Item(limits, changed, version, blockedUntil, reservations, remembers(changed), expiry);
    }

    Item with(OpenReservations others) {
        return new Item(limits, attributes, version, blockedUntil, others, others.exists() || isAnyBusy(), expiry);
    }

    private boolean isAnyBusy() {
        return attributes.stream().anyMatch(LimitAttributes::remembers);
    }

    private boolean remembers(List<LimitAttributes> changed) {
        return reservations.exists() || changed.stream().anyMatch(LimitAttributes::remembers);
    }

    Item blocked(long until, long newVersion) {
        return new Item(limits, attributes, Long.toString(newVersion), until, reservations, remembers, expiry);
    }

    /** Returns whether every limit has room for a charge if there may be a debt. */
    boolean hasRoom(long permits, long maxDebt, long now) {
        return attributes.stream().allMatch(each -> permits <= each.room(maxDebt, each.instant(now)));
    }

    /**
     * Returns this item at an instant, under the limits of a policy and without the reservations that have expired, as
     * in {@link LimitState#carryOver}.
     */
    Item at(Policy policy, long now) {
        Item item = this;
        for (OpenReservations.Open expired : reservations.expiredAt(now)) {
            if (expired.refundedAtExpiry()) {
                item = item.under(policy, expired.expiresAt())
                        .refunded(expired.permits(), expired.chargedAt(), expired.expiresAt());
            }
        }
        Item there = item.under(policy, now);
        return new Item(
                        there.limits,
                        there.attributes,
                        version,
                        isBlocked(now) ? blockedUntil : NOT_BLOCKED,
                        OpenReservations.NONE,
                        false,
                        expiry)
                .with(reservations.at(now));
    }

    private Item under(Policy policy, long now) {
        if (hasLimitsOf(policy)) {
            return this;
        }
        List<LimitAttributes> left = new ArrayList<>(attributes);
        List<@Nullable LimitAttributes> ofSamePeriod = new ArrayList<>();
        for (Limit limit : policy.rateLimits()) {
            ofSamePeriod.add(takeFirst(left, limit, now, each -> each.limit().periodMicros() == limit.periodMicros()));
        }
        List<LimitAttributes> carried = new ArrayList<>();
        for (int i = 0; i < ofSamePeriod.size(); i++) {
            Limit limit = policy.rateLimits().get(i);
            LimitAttributes found = ofSamePeriod.get(i);
            LimitAttributes any = found != null ? found : takeFirst(left, limit, now, each -> true);
            carried.add(any != null ? any : blankAttributes(limit));
        }
        return new Item(limitsOf(policy), carried, version, blockedUntil, reservations, remembers(carried), expiry);
    }

    private static @Nullable LimitAttributes takeFirst(
            List<LimitAttributes> left, Limit limit, long now, Predicate<LimitAttributes> wanted) {
        for (int i = 0; i < left.size(); i++) {
            LimitAttributes carried = wanted.test(left.get(i)) ? left.get(i).under(limit, now) : null;
            if (carried != null) {
                left.remove(i);
                return carried;
            }
        }
        return null;
    }
}
