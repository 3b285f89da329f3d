package io.github.micronautratelimit.dynamodb;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A key as the table has it: a part for each limit it was last written under, the text of those limits, {@code k}, a
 * version that every write changes, {@code v}, and if it was blocked the end of that, {@code b}. An immutable value; a key
 * that is not there is one that says nothing.
 *
 * @param limits       what {@code k} says
 * @param parts        one per limit
 * @param version      what {@code v} says; {@code null} if the key is not there
 * @param blockedUntil what {@code b} says, in microseconds since the epoch; {@link #NOT_BLOCKED} if it is not there
 */
record Item(String limits, List<Part> parts, @Nullable String version, long blockedUntil) {

    static final String KEY = "pk";
    static final String EXPIRES = "ttl";
    static final String LIMITS = "k";
    static final String VERSION = "v";
    static final String BLOCKED = "b";
    static final long NOT_BLOCKED = 0;

    static String text(Policy policy) {
        return policy.limits().stream().map(Limit::toString).collect(Collectors.joining("; "));
    }

    static Item blank(Policy policy) {
        return new Item(text(policy), policy.limits().stream().map(Part::blank).toList(), null, NOT_BLOCKED);
    }

    static Item read(Map<String, AttributeValue> item, Policy policy) {
        if (item.isEmpty()) {
            return blank(policy);
        }
        AttributeValue written = item.get(LIMITS);
        AttributeValue version = item.get(VERSION);
        if (written == null || written.s() == null || version == null || version.n() == null) {
            throw new RateLimitDefectException(new IllegalStateException("the item "
                    + item.getOrDefault(KEY, AttributeValue.fromS("")).s() + " holds something that is no rate limit; "
                    + "delete it, or give the rate limits a table of their own."));
        }
        List<Limit> limits = written.s().equals(text(policy)) ? policy.limits() : read(written.s());
        List<Part> parts = new ArrayList<>(limits.size());
        for (int i = 0; i < limits.size(); i++) {
            parts.add(Part.read(limits.get(i), i, item));
        }
        long blockedUntil = Part.has(item, BLOCKED) ? Part.number(item, BLOCKED) : NOT_BLOCKED;
        return new Item(written.s(), parts, version.n(), blockedUntil);
    }

    private static List<Limit> read(String limits) {
        try {
            return Limit.parseAll(limits);
        } catch (IllegalArgumentException e) {
            throw new RateLimitDefectException(new IllegalStateException("an item was written under limits that cannot be "
                    + "read here, by a newer version or by somebody else: " + e.getMessage(), e));
        }
    }

    /** The whole item, to be put in place of what is there. */
    Map<String, AttributeValue> write(String name, long stamp, long expires) {
        Map<String, AttributeValue> item = new HashMap<>();
        item.put(KEY, AttributeValue.fromS(name));
        item.put(LIMITS, AttributeValue.fromS(limits));
        item.put(VERSION, Part.value(stamp));
        item.put(EXPIRES, Part.value(expires));
        if (blockedUntil != NOT_BLOCKED) {
            item.put(BLOCKED, Part.value(blockedUntil));
        }
        for (int i = 0; i < parts.size(); i++) {
            parts.get(i).write(i, item, stamp);
        }
        return item;
    }

    boolean isUnder(Policy policy) {
        return limits.equals(text(policy));
    }

    boolean isBlocked(long now) {
        return now < blockedUntil;
    }

    /** The state in the core's form, brought forward to an instant. */
    LimitState state(long now) {
        LimitState state = LimitState.of(parts.stream().map(part -> part.limit().stateAt(part.state(), now)).toList());
        return isBlocked(now) ? state.blockedUntil(blockedUntil) : state;
    }

    /** As this would be after a charge that was decided on another, earlier view of the key. */
    Item charged(Item seen, long permits, long now, long stamp) {
        List<Part> charged = new ArrayList<>(parts.size());
        for (int i = 0; i < parts.size(); i++) {
            charged.add(parts.get(i).charged(permits, seen.parts.get(i).instant(now), stamp));
        }
        return new Item(limits, charged, Long.toString(stamp), NOT_BLOCKED);
    }

    Item refunded(long permits, long now) {
        return new Item(limits, parts.stream().map(part -> part.refunded(permits, part.instant(now))).toList(), version,
                blockedUntil);
    }

    Item blocked(long until, long stamp) {
        return new Item(limits, parts, Long.toString(stamp), until);
    }

    /** The same under a policy whose limits may have changed: paired as {@link Policy#stateAt} pairs them. */
    Item under(Policy policy) {
        if (isUnder(policy)) {
            return this;
        }
        List<Part> left = new ArrayList<>(parts);
        List<@Nullable Part> carried = new ArrayList<>(policy.limits().size());
        for (Limit limit : policy.limits()) {
            carried.add(takeFirst(left, limit, part -> part.limit().periodMicros() == limit.periodMicros()));
        }
        List<Part> all = new ArrayList<>(carried.size());
        for (int i = 0; i < carried.size(); i++) {
            Limit limit = policy.limits().get(i);
            Part part = carried.get(i) != null ? carried.get(i) : takeFirst(left, limit, any -> true);
            all.add(part != null ? part : Part.blank(limit));
        }
        return new Item(text(policy), all, version, blockedUntil);
    }

    private static @Nullable Part takeFirst(List<Part> left, Limit limit, Predicate<Part> wanted) {
        for (int i = 0; i < left.size(); i++) {
            Part part = wanted.test(left.get(i)) ? left.get(i).under(limit) : null;
            if (part != null) {
                left.remove(i);
                return part;
            }
        }
        return null;
    }
}
