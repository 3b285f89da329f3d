package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.FixedWindow.CalendarPeriod;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
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
 * @param open         the open reservations in the order of their expiry
 */
record ExactModel(List<Part> parts, long blockedUntil, List<Open> open) {

    /** The refund of permits that were taken last. */
    static final long LATEST = Long.MAX_VALUE;

    private static final long NEVER = -1;
    private static final long MOST_MISSING = 1_000_000_000_000L;

    /** An open reservation. */
    record Open(UUID id, long permits, long chargedAt, long expiresAt, boolean refunded) {}

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

        /** Gives back permits that were charged at an instant, or the latest ones. */
        Part refund(long permits, long chargedAt);

        /** Returns the permits that are missing, rounded up. */
        long missing();

        /** Charges permits even if they are not free, as long as no more are missing than this. */
        default Part chargeBeyond(long permits, long mostMissing) {
            return charge(Math.min(permits, Math.max(0, mostMissing - missing())));
        }

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
        return new ExactModel(limits.stream().map(limit -> part(limit, now)).toList(), Long.MIN_VALUE, List.of());
    }

    private static Part part(Limit limit, long now) {
        if (limit instanceof TokenBucket bucket) {
            return new Bucket(bucket, now, permitMicros(bucket.burst(), bucket), Bucket.UNKNOWN, Bucket.UNKNOWN);
        }
        if (limit instanceof SlidingWindow window) {
            return new Sliding(window, Math.floorDiv(now, Sliding.segmentMicros(window)), new TreeMap<>());
        }
        return Fixed.empty((FixedWindow) limit, now);
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

    ExactModel refund(List<Limit> limits, long now, long permits, long chargedAt) {
        return at(limits, now).each(part -> part.refund(permits, chargedAt));
    }

    ExactModel block(long now, long micros) {
        return new ExactModel(parts, Math.max(blockedUntil, now + micros), open);
    }

    /** Charges an estimate. A reservation of this id that is open already stays as it is. */
    Outcome reserve(List<Limit> limits, long now, Open wanted, int maxOpen) {
        ExactModel found = at(limits, now);
        if (found.open.stream().anyMatch(each -> each.id.equals(wanted.id))) {
            return new Outcome(this, found.grant(now));
        }
        if (found.denies(wanted.permits)) {
            return new Outcome(this, found.denial(now, wanted.permits));
        }
        if (found.open.size() >= maxOpen) {
            long wait = found.open.get(0).expiresAt - now;
            return new Outcome(this, new GoldenTrace.Answer(false, found.remaining(), wait, found.resetAfter(now)));
        }
        ExactModel charged = found.each(part -> part.charge(wanted.permits));
        List<Open> more = new ArrayList<>(found.open);
        more.add(wanted);
        more.sort(Comparator.comparingLong(Open::expiresAt).thenComparing(Open::id));
        ExactModel next = new ExactModel(charged.parts, charged.blockedUntil, List.copyOf(more));
        return new Outcome(next, next.grant(now));
    }

    /**
     * Settles a reservation.
     *
     * @param receipt the reservation as its caller knows it
     * @param maxDebt the permits beyond the capacity; negative for the capacity
     * @return the key after it, and whether anything was settled, with the state as a request for 0 permits sees it
     */
    Outcome settle(List<Limit> limits, long now, Open receipt, long actual, long maxDebt) {
        ExactModel found = at(limits, now);
        ExactModel next = found;
        boolean settled = true;
        Optional<Open> known =
                found.open.stream().filter(each -> each.id.equals(receipt.id)).findFirst();
        if (known.isPresent()) {
            Open reserved = known.get();
            ExactModel closed = new ExactModel(
                    found.parts,
                    found.blockedUntil,
                    found.open.stream().filter(each -> each != reserved).toList());
            next = actual > reserved.permits
                    ? closed.chargeBeyond(actual - reserved.permits, maxDebt)
                    : closed.each(part -> part.refund(reserved.permits - actual, reserved.chargedAt));
        } else if (now >= receipt.expiresAt) {
            next = found.chargeBeyond(Math.max(0, actual - (receipt.refunded ? 0 : receipt.permits)), maxDebt);
        } else {
            settled = false;
        }
        GoldenTrace.Answer state = next.grant(now);
        return new Outcome(
                settled ? next : this, new GoldenTrace.Answer(settled, state.remaining(), 0, state.resetAfterMicros()));
    }

    private ExactModel chargeBeyond(long permits, long maxDebt) {
        return permits == 0
                ? this
                : each(part -> {
                    long capacity = part.limit().capacity();
                    long most = Math.min(MOST_MISSING, capacity + (maxDebt < 0 ? capacity : maxDebt));
                    return part.chargeBeyond(permits, most);
                });
    }

    /**
     * Returns the key at an instant, as the limits of the present call see it. Reservations end on the way, each at its
     * own instant.
     */
    private ExactModel at(List<Limit> limits, long now) {
        ExactModel state = this;
        for (Open each : open) {
            if (each.expiresAt <= now && each.refunded) {
                state = state.forward(limits, each.expiresAt).each(part -> part.refund(each.permits, each.chargedAt));
            }
        }
        ExactModel present = state.forward(limits, now);
        return new ExactModel(
                present.parts,
                present.blockedUntil,
                open.stream().filter(each -> each.expiresAt > now).toList());
    }

    private ExactModel forward(List<Limit> limits, long now) {
        return new ExactModel(
                under(limits, now).stream().map(part -> part.at(now)).toList(),
                now < blockedUntil ? blockedUntil : Long.MIN_VALUE,
                open);
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
        return new ExactModel(parts.stream().map(change).toList(), blockedUntil, open);
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
     * @param level     the tokens, times the period in microseconds
     * @param busySince  charges and refunds after this instant have found half of the tokens missing;
     *                   {@link #UNKNOWN} without a refund
     * @param generousAt the last refund of more than the charge minus the refill since, or {@link #UNKNOWN}
     */
    private record Bucket(TokenBucket limit, long time, BigInteger level, long busySince, long generousAt)
            implements Part {

        static final long UNKNOWN = 0;
        /** Another limit counts from the instant at which it applies. */
        private static final long SINCE_NOW = -1;

        private BigInteger half() {
            return permitMicros(limit.burst() / 2, limit);
        }

        private BigInteger absent() {
            return full().subtract(level);
        }

        /** Returns the bucket after an operation that has found the present level. */
        private Bucket withLevel(BigInteger after) {
            boolean quiet = busySince != UNKNOWN && absent().compareTo(half()) < 0;
            return new Bucket(limit, time, after, quiet ? time : busySince, generousAt);
        }

        private BigInteger refilledSince(long instant) {
            return BigInteger.valueOf(Math.max(0, time - instant)).multiply(BigInteger.valueOf(limit.permits()));
        }

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
                    permitMicros(changed.capacity(), changed).subtract(missing),
                    busySince == UNKNOWN || limit.equals(changed) ? busySince : SINCE_NOW,
                    generousAt);
        }

        @Override
        public Part at(long now) {
            long later = Math.max(now, time);
            BigInteger refill = BigInteger.valueOf(later - time).multiply(BigInteger.valueOf(limit.permits()));
            BigInteger filled = level.add(refill).min(full());
            if (busySince == SINCE_NOW) {
                return new Bucket(limit, later, filled, later, later);
            }
            Bucket next = new Bucket(limit, later, filled, busySince, generousAt);
            boolean forgets =
                    generousAt == UNKNOWN || next.refilledSince(generousAt).compareTo(full()) >= 0;
            return filled.equals(full()) && forgets ? new Bucket(limit, later, filled, UNKNOWN, UNKNOWN) : next;
        }

        @Override
        public boolean admits(long permits) {
            return level.compareTo(permitMicros(permits, limit)) >= 0;
        }

        @Override
        public Part charge(long permits) {
            return withLevel(level.subtract(permitMicros(permits, limit)));
        }

        @Override
        public Part refund(long permits, long chargedAt) {
            BigInteger charged = permitMicros(permits, limit);
            if (chargedAt == LATEST) {
                return withLevel(level.add(charged).min(full()));
            }
            boolean certain = generousAt == UNKNOWN || chargedAt > generousAt;
            BigInteger unpaid =
                    certain ? charged.subtract(refilledSince(chargedAt)).max(BigInteger.ZERO) : BigInteger.ZERO;
            boolean busy = busySince != UNKNOWN && chargedAt > busySince;
            BigInteger back =
                    unpaid.max(busy ? charged.min(half()) : BigInteger.ZERO).min(absent());
            boolean stillBusy = busySince != UNKNOWN && absent().compareTo(half()) >= 0;
            return new Bucket(
                    limit,
                    time,
                    level.add(back),
                    stillBusy ? busySince : time,
                    back.compareTo(unpaid) > 0 ? time : generousAt);
        }

        @Override
        public long missing() {
            BigInteger[] permits = absent().divideAndRemainder(BigInteger.valueOf(limit.periodMicros()));
            return permits[0].longValueExact() + permits[1].signum();
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

        /** The permits of the segment of the charge; of the latest ones, those taken last go first. */
        @Override
        public Part refund(long permits, long chargedAt) {
            if (chargedAt != LATEST) {
                TreeMap<Long, Long> kept = new TreeMap<>(counts);
                kept.computeIfPresent(
                        Math.floorDiv(chargedAt, segmentMicros(limit)),
                        (number, count) -> count > permits ? count - permits : null);
                return new Sliding(limit, segment, kept);
            }
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
        public long missing() {
            return used();
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

    /** A fixed window from an instant to another. */
    private record Fixed(FixedWindow limit, long start, long end, long used) implements Part {

        static Fixed empty(FixedWindow limit, long now) {
            CalendarPeriod calendar = limit.calendar();
            if (calendar == null) {
                long start = Math.floorDiv(now, limit.periodMicros()) * limit.periodMicros();
                return new Fixed(limit, start, start + limit.periodMicros(), 0);
            }
            CalendarClock.Window window = CalendarClock.windowAt(calendar, now);
            return new Fixed(limit, window.start(), window.end(), 0);
        }

        @Override
        public boolean carriesOverTo(Limit changed) {
            return changed instanceof FixedWindow window
                    && window.periodMicros() == limit.periodMicros()
                    && Objects.equals(window.calendar(), limit.calendar());
        }

        @Override
        public Part under(Limit changed) {
            return new Fixed((FixedWindow) changed, start, end, used);
        }

        @Override
        public Part at(long now) {
            return now >= end ? empty(limit, now) : this;
        }

        @Override
        public boolean admits(long permits) {
            return used + permits <= limit.permits();
        }

        @Override
        public Part charge(long permits) {
            return new Fixed(limit, start, end, used + permits);
        }

        @Override
        public Part refund(long permits, long chargedAt) {
            return chargedAt == LATEST || start <= chargedAt && chargedAt < end
                    ? new Fixed(limit, start, end, Math.max(0, used - permits))
                    : this;
        }

        @Override
        public long missing() {
            return used;
        }

        @Override
        public long remaining() {
            return Math.max(0, limit.permits() - used);
        }

        @Override
        public long freeAt(long permits) {
            return permits > limit.permits() ? NEVER : end;
        }

        @Override
        public long allFreeAt() {
            return used == 0 ? Long.MIN_VALUE : end;
        }
    }
}
