package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One key as the rules define it: the yardstick of the suite. It counts in {@link BigInteger} and shares no arithmetic
 * with the core, so that an error there does not hide here. An immutable value; two equal models decide alike for ever.
 *
 * @param parts        the state under each limit of the policy, in order
 * @param blockedUntil the instant at which a block ends, in microseconds since the epoch; {@link Long#MIN_VALUE}
 *                     without one
 */
record ExactModel(List<Part> parts, long blockedUntil) {

    private static final long NEVER = -1;

    /**
     * The result of an operation.
     *
     * @param next   the key after it
     * @param answer the decision
     */
    record Outcome(ExactModel next, GoldenTrace.Answer answer) {}

    /** The state under one limit. All times are microseconds since the epoch. */
    sealed interface Part {

        Limit limit();

        /** Returns the state at an instant; an earlier instant than that of the state changes nothing. */
        Part at(long now);

        /** Returns whether usage carries over to another limit. */
        boolean carriesOverTo(Limit changed);

        /** Returns the same usage under another limit to which it carries over. */
        Part under(Limit changed);

        boolean admits(long permits);

        Part charge(long permits);

        Part refund(long permits);

        long remaining();

        /** Returns the first instant at which the permits are free, or {@link #NEVER}. */
        long freeAt(long permits);

        /** Returns the instant from which on all permits are free, or {@link Long#MIN_VALUE} if they are. */
        long allFreeAt();
    }

    /**
     * Returns a key without state.
     *
     * @param limits the limits of the policy
     * @param now    the present instant in microseconds since the epoch
     * @return all permits are free
     */
    static ExactModel empty(List<Limit> limits, long now) {
        return new ExactModel(limits.stream().map(limit -> part(limit, now)).toList(), Long.MIN_VALUE);
    }

    private static Part part(Limit limit, long now) {
        if (limit instanceof TokenBucket bucket) {
            return new Bucket(bucket, now, permitMicros(bucket.burst(), bucket));
        }
        if (limit instanceof SlidingWindow window) {
            return new Sliding(window, Math.floorDiv(now, Sliding.segmentMicros(window)), new TreeMap<>());
        }
        return new Fixed(limit, Math.floorDiv(now, limit.periodMicros()), 0);
    }

    Outcome acquire(List<Limit> limits, long now, long permits) {
        ExactModel found = at(limits, now);
        if (found.denies(permits)) {
            return new Outcome(this, found.denial(now, permits));
        }
        ExactModel charged = found.each(part -> part.charge(permits));
        return new Outcome(permits == 0 ? this : charged, charged.grant(now));
    }

    Outcome peek(List<Limit> limits, long now, long permits) {
        ExactModel found = at(limits, now);
        return new Outcome(this, found.denies(permits) ? found.denial(now, permits) : found.grant(now));
    }

    ExactModel refund(List<Limit> limits, long now, long permits) {
        return at(limits, now).each(part -> part.refund(permits));
    }

    ExactModel block(long now, long micros) {
        return new ExactModel(parts, Math.max(blockedUntil, now + micros));
    }

    /** Returns the key at an instant, as the limits of the present call see it. */
    private ExactModel at(List<Limit> limits, long now) {
        return new ExactModel(
                under(limits, now).stream().map(part -> part.at(now)).toList(),
                now < blockedUntil ? blockedUntil : Long.MIN_VALUE);
    }

    /** A limit goes on with the usage of its own kind and period, otherwise with any that carries over to it. */
    private List<Part> under(List<Limit> limits, long now) {
        if (limits.equals(parts.stream().map(Part::limit).toList())) {
            return parts;
        }
        List<Part> left = new ArrayList<>(parts);
        @Nullable Part[] found = new Part[limits.size()];
        for (boolean samePeriod : new boolean[] {true, false}) {
            for (int i = 0; i < found.length; i++) {
                Limit limit = limits.get(i);
                Optional<Part> before = left.stream()
                        .filter(part -> part.carriesOverTo(limit))
                        .filter(part -> !samePeriod || part.limit().periodMicros() == limit.periodMicros())
                        .findFirst();
                if (found[i] == null && before.isPresent()) {
                    left.remove(before.get());
                    found[i] = before.get().under(limit);
                }
            }
        }
        return IntStream.range(0, found.length)
                .mapToObj(i -> found[i] == null ? part(limits.get(i), now) : found[i])
                .toList();
    }

    private ExactModel each(UnaryOperator<Part> change) {
        return new ExactModel(parts.stream().map(change).toList(), blockedUntil);
    }

    private boolean blocked() {
        return blockedUntil != Long.MIN_VALUE;
    }

    private boolean denies(long permits) {
        return permits > 0 && (blocked() || !parts.stream().allMatch(part -> part.admits(permits)));
    }

    private GoldenTrace.Answer grant(long now) {
        return new GoldenTrace.Answer(true, remaining(), 0, resetAfter(now));
    }

    private GoldenTrace.Answer denial(long now, long permits) {
        long free = blocked() ? blockedUntil : Long.MIN_VALUE;
        for (Part part : parts) {
            if (!part.admits(permits)) {
                long at = part.freeAt(permits);
                if (at == NEVER) {
                    return new GoldenTrace.Answer(false, remaining(), NEVER, resetAfter(now));
                }
                free = Math.max(free, at);
            }
        }
        return new GoldenTrace.Answer(false, remaining(), free - now, resetAfter(now));
    }

    private long remaining() {
        return blocked() ? 0 : parts.stream().mapToLong(Part::remaining).min().orElseThrow();
    }

    private long resetAfter(long now) {
        long latest = Math.max(
                blockedUntil, parts.stream().mapToLong(Part::allFreeAt).max().orElseThrow());
        return latest <= now ? 0 : latest - now;
    }

    private static BigInteger permitMicros(long permits, Limit limit) {
        return BigInteger.valueOf(permits).multiply(BigInteger.valueOf(limit.periodMicros()));
    }

    /**
     * A token bucket.
     *
     * @param level the tokens, times the period in microseconds
     */
    private record Bucket(TokenBucket limit, long time, BigInteger level) implements Part {

        private BigInteger full() {
            return permitMicros(limit.burst(), limit);
        }

        @Override
        public boolean carriesOverTo(Limit changed) {
            return changed instanceof TokenBucket;
        }

        /** Missing tokens stay missing. A fraction that the other limit cannot count is rounded up. */
        @Override
        public Part under(Limit changed) {
            BigInteger unit = BigInteger.valueOf(changed.permits()).gcd(BigInteger.valueOf(changed.periodMicros()));
            BigInteger[] units = full().subtract(level)
                    .multiply(BigInteger.valueOf(changed.periodMicros()))
                    .divideAndRemainder(unit.multiply(BigInteger.valueOf(limit.periodMicros())));
            BigInteger missing =
                    units[0].add(BigInteger.valueOf(units[1].signum())).multiply(unit);
            return new Bucket(
                    (TokenBucket) changed,
                    time,
                    permitMicros(changed.capacity(), changed).subtract(missing));
        }

        @Override
        public Part at(long now) {
            if (now <= time) {
                return this;
            }
            BigInteger refill = BigInteger.valueOf(now - time).multiply(BigInteger.valueOf(limit.permits()));
            return new Bucket(limit, now, level.add(refill).min(full()));
        }

        @Override
        public boolean admits(long permits) {
            return level.compareTo(permitMicros(permits, limit)) >= 0;
        }

        @Override
        public Part charge(long permits) {
            return new Bucket(limit, time, level.subtract(permitMicros(permits, limit)));
        }

        @Override
        public Part refund(long permits) {
            return new Bucket(
                    limit, time, level.add(permitMicros(permits, limit)).min(full()));
        }

        @Override
        public long remaining() {
            return level.max(BigInteger.ZERO)
                    .divide(BigInteger.valueOf(limit.periodMicros()))
                    .longValueExact();
        }

        @Override
        public long freeAt(long permits) {
            return permits > limit.burst() ? NEVER : reaches(permitMicros(permits, limit));
        }

        @Override
        public long allFreeAt() {
            return level.equals(full()) ? Long.MIN_VALUE : reaches(full());
        }

        private long reaches(BigInteger wanted) {
            BigInteger[] micros = wanted.subtract(level).divideAndRemainder(BigInteger.valueOf(limit.permits()));
            return time + micros[0].longValueExact() + micros[1].signum();
        }
    }

    /**
     * A sliding window.
     *
     * @param segment the present segment
     * @param counts  the permits of each segment that still counts, by its number
     */
    private record Sliding(SlidingWindow limit, long segment, TreeMap<Long, Long> counts) implements Part {

        static long segmentMicros(Limit limit) {
            return (limit.periodMicros() + 63) / 64;
        }

        /** Returns the segments that cover a period. */
        private long segments() {
            return (limit.periodMicros() + segmentMicros(limit) - 1) / segmentMicros(limit);
        }

        @Override
        public Part at(long now) {
            long present = Math.max(segment, Math.floorDiv(now, segmentMicros(limit)));
            return new Sliding(limit, present, new TreeMap<>(counts.tailMap(present - segments())));
        }

        @Override
        public boolean carriesOverTo(Limit changed) {
            return changed instanceof SlidingWindow && changed.periodMicros() == limit.periodMicros();
        }

        @Override
        public Part under(Limit changed) {
            return new Sliding((SlidingWindow) changed, segment, counts);
        }

        private long used() {
            return counts.values().stream().mapToLong(Long::longValue).sum();
        }

        @Override
        public boolean admits(long permits) {
            return used() + permits <= limit.permits();
        }

        @Override
        public Part charge(long permits) {
            TreeMap<Long, Long> charged = new TreeMap<>(counts);
            charged.merge(segment, permits, Long::sum);
            charged.values().removeIf(count -> count == 0);
            return new Sliding(limit, segment, charged);
        }

        /** The permits taken last go first. */
        @Override
        public Part refund(long permits) {
            TreeMap<Long, Long> left = new TreeMap<>();
            long back = permits;
            for (var count : counts.descendingMap().entrySet()) {
                long kept = Math.max(0, count.getValue() - back);
                back -= count.getValue() - kept;
                if (kept > 0) {
                    left.put(count.getKey(), kept);
                }
            }
            return new Sliding(limit, segment, left);
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - used());
        }

        @Override
        public long freeAt(long permits) {
            if (permits > limit.permits()) {
                return NEVER;
            }
            long used = used();
            for (var count : counts.entrySet()) {
                used -= count.getValue();
                if (used + permits <= limit.permits()) {
                    return leaves(count.getKey());
                }
            }
            throw new AssertionError("An empty window denied " + permits + " of " + limit + ".");
        }

        @Override
        public long allFreeAt() {
            return counts.isEmpty() ? Long.MIN_VALUE : leaves(counts.lastKey());
        }

        private long leaves(long counted) {
            return (counted + segments() + 1) * segmentMicros(limit);
        }
    }

    /** A fixed window. */
    private record Fixed(Limit limit, long window, long used) implements Part {

        @Override
        public boolean carriesOverTo(Limit changed) {
            return changed instanceof FixedWindow && changed.periodMicros() == limit.periodMicros();
        }

        @Override
        public Part under(Limit changed) {
            return new Fixed(changed, window, used);
        }

        @Override
        public Part at(long now) {
            long present = Math.floorDiv(now, limit.periodMicros());
            return present > window ? new Fixed(limit, present, 0) : this;
        }

        @Override
        public boolean admits(long permits) {
            return used + permits <= limit.permits();
        }

        @Override
        public Part charge(long permits) {
            return new Fixed(limit, window, used + permits);
        }

        @Override
        public Part refund(long permits) {
            return new Fixed(limit, window, Math.max(0, used - permits));
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - used);
        }

        @Override
        public long freeAt(long permits) {
            return permits > limit.permits() ? NEVER : end();
        }

        @Override
        public long allFreeAt() {
            return used == 0 ? Long.MIN_VALUE : end();
        }

        private long end() {
            return (window + 1) * limit.periodMicros();
        }
    }
}
