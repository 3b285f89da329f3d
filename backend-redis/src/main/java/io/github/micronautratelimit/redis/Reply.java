package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.TokenBucket;
import io.lettuce.core.RedisCommandExecutionException;

/** What {@code decide.lua} has answered, read in the order its header lists. */
final class Reply {

    /** The most units that the core lets a bucket owe. */
    private static final long MOST_UNITS = 1L << 62;
    private static final byte GRANTED = 1;
    private static final byte FOREIGN = 2;
    private static final byte BLOCKED = 3;

    private final ByteBuffer numbers;
    private final long now;

    Reply(byte[] numbers) {
        this.numbers = ByteBuffer.wrap(numbers);
        this.now = next(7);
    }

    private long next(int bytes) {
        return Packed.get(numbers, bytes);
    }

    /** Answers the next request. */
    void next(Request request) {
        byte status = numbers.get();
        if (status == FOREIGN) {
            request.completeExceptionally(new RateLimitDefectException(new RedisCommandExecutionException("the key "
                    + new String(request.key, StandardCharsets.UTF_8) + " holds something that is no rate limit; "
                    + "delete it, or give the rate limits another namespace.")));
        } else if (status == BLOCKED) {
            request.complete(blocked(next(7) - now, request.terms.policy, request.permits));
        } else {
            request.complete(decision(request.terms.policy, request.permits, status == GRANTED));
        }
    }

    private Decision blocked(long rest, Policy policy, long permits) {
        Decision unblocked = decision(policy, permits, false);
        long reset = Math.max(rest, unblocked.resetAfterMicros());
        if (permits == 0) {
            return new Decision.Allowed(0, reset, Decision.Source.STORE);
        }
        long retry = unblocked.retryAfterMicros();
        return new Decision.Denied(0, retry == Decision.NEVER ? retry : Math.max(rest, retry), reset, policy.limits(),
                Decision.Source.STORE);
    }

    private Decision decision(Policy policy, long permits, boolean granted) {
        List<Limit> limits = policy.limits();
        List<Limit> deniedBy = List.of();
        long remaining = Long.MAX_VALUE;
        long retryAfter = 0;
        long resetAfter = 0;
        for (Limit limit : limits) {
            Standing standing = limit instanceof TokenBucket bucket
                    ? bucket(bucket, permits, granted) : window(limit, permits, granted);
            remaining = Math.min(remaining, standing.remaining);
            resetAfter = Math.max(resetAfter, standing.resetAfter);
            if (!standing.admits) {
                deniedBy = deniedBy.isEmpty() ? new ArrayList<>(limits.size()) : deniedBy;
                deniedBy.add(limit);
                boolean never = retryAfter == Decision.NEVER || permits > limit.capacity();
                retryAfter = never ? Decision.NEVER : Math.max(retryAfter, standing.retryAfter);
            }
        }
        return deniedBy.isEmpty()
                ? new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE)
                : new Decision.Denied(remaining, retryAfter, resetAfter, List.copyOf(deniedBy), Decision.Source.STORE);
    }

    /** How one limit stands towards what is asked; the time to wait counts only if it does not admit that. */
    private record Standing(boolean admits, long remaining, long retryAfter, long resetAfter) {
    }

    /** Here the core goes on: paying back what is owed may take longer than a double can count. */
    private Standing bucket(TokenBucket bucket, long permits, boolean granted) {
        LimitState state = bucket.state(next(7), owed(bucket, next(5), next(6)));
        boolean admits = granted || state.admits(permits);
        return new Standing(admits, state.remaining(), admits ? 0 : state.retryAfter(permits, now),
                state.resetAfter(now));
    }

    private static long owed(TokenBucket bucket, long permits, long rest) {
        return permits > MOST_UNITS / bucket.unitsPerPermit() ? MOST_UNITS
                : Math.min(MOST_UNITS, permits * bucket.unitsPerPermit() + rest / Terms.divisor(bucket));
    }

    private Standing window(Limit limit, long permits, boolean granted) {
        long used = next(5);
        long retryAt = next(7);
        long resetAt = next(7);
        boolean admits = granted || permits == 0 || permits <= limit.permits() - used;
        return new Standing(admits, Math.max(0, limit.permits() - used), retryAt - now, Math.max(0, resetAt - now));
    }
}
