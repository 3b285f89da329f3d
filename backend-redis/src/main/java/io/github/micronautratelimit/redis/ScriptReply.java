package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.internal.Micros;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.redis.Script.UnsignedBytes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Decodes a reply of {@code decide.lua}, one request after the other, in the order of the script's header. */
final class ScriptReply {

    /** The most units that a bucket in the core can owe. */
    private static final long MAX_UNITS = 1L << 62;

    private static final byte GRANTED = 1;
    private static final byte FOREIGN = 2;
    private static final byte BLOCKED = 3;
    private static final byte OUTSIDE = 4;

    private static final byte OPEN_BEFORE = 1;
    private static final byte TOO_MANY_OPEN = 2;

    private final ByteBuffer bytes;
    private final long now;
    private byte status;

    ScriptReply(byte[] reply) {
        this.bytes = ByteBuffer.wrap(reply);
        this.now = next(7);
    }

    private long next(int size) {
        return UnsignedBytes.get(bytes, size);
    }

    /** Returns the time at which the server decided, in microseconds since the epoch. */
    long now() {
        return now;
    }

    /** Starts the next request. Returns {@code false} if the server did not decide it. */
    boolean nextRequest() {
        status = bytes.get();
        return status != FOREIGN && status != OUTSIDE;
    }

    /** Returns whether the server did not decide because its time is in none of the windows of a calendar quota. */
    boolean isOutsideWindows() {
        return status == OUTSIDE;
    }

    /** Returns the usage of a key that was read with 0 permits; {@link #decision} may be called afterwards. */
    List<Limit.Usage> usage(Policy policy) {
        int start = bytes.position();
        if (status == BLOCKED) {
            next(7);
        }
        List<Limit.Usage> usage = new ArrayList<>();
        for (Limit limit : policy.rateLimits()) {
            usage.add(
                    limit instanceof TokenBucket bucket
                            ? nextState(bucket).usage(now).get(0)
                            : windowUsage(limit));
        }
        bytes.position(start);
        return usage;
    }

    private Limit.Usage windowUsage(Limit limit) {
        long used = next(5);
        next(7);
        long resetAt = next(7);
        if (resetAt == 0) {
            resetAt = limit instanceof FixedWindow window ? window.startOf(window.windowAt(now) + 1) : now;
        }
        long resetAfter = Math.min(limit.longestResetMicros(), Math.max(0, resetAt - now));
        return new Limit.Usage(
                limit, used, Math.max(0, limit.permits() - used), Micros.instant(now + resetAfter), false);
    }

    private LimitState nextState(TokenBucket bucket) {
        return bucket.state(next(7), owed(bucket, next(5), next(6)));
    }

    /** Returns the outcome of a settlement; {@link #decision} for 0 permits returns the key afterwards. */
    Outcome outcome() {
        byte outcome = bytes.get();
        next(7);
        return switch (outcome) {
            case 1 -> Outcome.SETTLED;
            case 2 -> Outcome.SETTLED_LATE;
            default -> Outcome.UNKNOWN;
        };
    }

    /** Returns the decision on a reservation. */
    Decision reservation(Policy policy, long permits) {
        byte outcome = bytes.get();
        long time = next(7);
        Decision decision = decision(policy, outcome == OPEN_BEFORE || outcome == TOO_MANY_OPEN ? 0 : permits);
        if (outcome == TOO_MANY_OPEN) {
            return new Decision.Denied(
                    decision.remaining(), time - now, decision.resetAfterMicros(), List.of(), Decision.Source.STORE);
        }
        return decision instanceof Decision.Allowed allowed && outcome == OPEN_BEFORE
                ? new Decision.Allowed(
                        allowed.remaining(),
                        allowed.resetAfterMicros(),
                        allowed.source(),
                        allowed.nextPermitMicros(),
                        time)
                : decision;
    }

    Decision decision(Policy policy, long permits) {
        return status == BLOCKED
                ? blocked(next(7) - now, policy, permits)
                : decision(policy, permits, status == GRANTED);
    }

    private Decision blocked(long rest, Policy policy, long permits) {
        Decision unblocked = decision(policy, permits, false);
        long reset = Math.max(rest, unblocked.resetAfterMicros());
        if (permits == 0) {
            return new Decision.Allowed(0, reset, Decision.Source.STORE, reset, now);
        }
        long retry = unblocked.retryAfterMicros();
        return new Decision.Denied(
                0,
                retry == LimitState.NEVER ? retry : Math.max(rest, retry),
                reset,
                policy.rateLimits(),
                Decision.Source.STORE);
    }

    private Decision decision(Policy policy, long permits, boolean granted) {
        List<Limit> limits = policy.rateLimits();
        List<Limit> deniedBy = List.of();
        long remaining = Long.MAX_VALUE;
        long retryAfter = 0;
        long resetAfter = 0;
        long next = 0;
        for (Limit limit : limits) {
            LimitResult result = limit instanceof TokenBucket bucket
                    ? bucket(bucket, permits, granted)
                    : window(limit, permits, granted);
            next = result.remaining < remaining
                    ? result.next
                    : result.remaining == remaining ? Math.max(next, result.next) : next;
            remaining = Math.min(remaining, result.remaining);
            resetAfter = Math.max(resetAfter, result.resetAfter);
            if (!result.admits) {
                deniedBy = deniedBy.isEmpty() ? new ArrayList<>(limits.size()) : deniedBy;
                deniedBy.add(limit);
                boolean never = retryAfter == LimitState.NEVER || permits > limit.capacity();
                retryAfter = never ? LimitState.NEVER : Math.max(retryAfter, result.retryAfter);
            }
        }
        return deniedBy.isEmpty()
                ? new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE, next, now)
                : new Decision.Denied(remaining, retryAfter, resetAfter, List.copyOf(deniedBy), Decision.Source.STORE);
    }

    /**
     * The decision of one limit. {@code retryAfter} is meaningful only if the limit does not admit the request,
     * {@code next} only if it does: the time until a further permit is free.
     */
    private record LimitResult(boolean admits, long remaining, long retryAfter, long resetAfter, long next) {}

    /** Leaves the times to the core, because they may be longer than a double in the script can count. */
    private LimitResult bucket(TokenBucket bucket, long permits, boolean granted) {
        LimitState state = nextState(bucket);
        boolean admits = granted || state.admits(permits);
        long remaining = state.remaining();
        return new LimitResult(
                admits,
                remaining,
                admits ? 0 : state.retryAfter(permits, now),
                state.resetAfter(now),
                remaining == bucket.capacity() ? 0 : state.retryAfter(remaining + 1, now));
    }

    private static long owed(TokenBucket bucket, long permits, long rest) {
        return permits > MAX_UNITS / bucket.unitsPerPermit()
                ? MAX_UNITS
                : Math.min(MAX_UNITS, permits * bucket.unitsPerPermit() + rest / EncodedPolicy.divisor(bucket));
    }

    private LimitResult window(Limit limit, long permits, boolean granted) {
        long used = next(5);
        long retryAt = next(7);
        long resetAt = next(7);
        boolean admits = granted || permits == 0 || permits <= limit.permits() - used;
        long longest = limit.longestResetMicros();
        long resetAfter = Math.min(longest, Math.max(0, resetAt - now));
        return new LimitResult(
                admits,
                Math.max(0, limit.permits() - used),
                Math.min(longest, retryAt - now),
                resetAfter,
                retryAt == 0 ? resetAfter : Math.min(longest, Math.max(0, retryAt - now)));
    }
}
