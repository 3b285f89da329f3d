package io.github.micronautratelimit.redis;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.TokenBucket;

/** What {@code decide.lua} has answered, read in the order its header lists. */
final class Reply {

    /** The most units that the core lets a bucket owe. */
    private static final long MOST_UNITS = 1L << 62;

    private final Iterator<Object> numbers;
    private final boolean granted;
    private final long now;

    Reply(List<Object> numbers) {
        this.numbers = numbers.iterator();
        this.granted = next() == 1;
        this.now = next();
    }

    private long next() {
        return (Long) numbers.next();
    }

    List<Decision> decisions(List<Ask> asks) {
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            decisions.add(decision(ask));
        }
        return decisions;
    }

    private Decision decision(Ask ask) {
        long remaining = Long.MAX_VALUE;
        long retryAfter = 0;
        long resetAfter = 0;
        List<Limit> deniedBy = new ArrayList<>();
        for (Limit limit : ask.policy().limits()) {
            Standing standing = limit instanceof TokenBucket bucket
                    ? bucket(bucket, ask.permits()) : window(limit, ask.permits());
            remaining = Math.min(remaining, standing.remaining);
            resetAfter = Math.max(resetAfter, standing.resetAfter);
            if (!standing.admits) {
                deniedBy.add(limit);
                boolean never = retryAfter == Decision.NEVER || ask.permits() > limit.capacity();
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
    private Standing bucket(TokenBucket bucket, long permits) {
        LimitState state = bucket.state(next(), owed(bucket, next(), next()));
        boolean admits = granted || state.admits(permits);
        return new Standing(admits, state.remaining(), admits ? 0 : state.retryAfter(permits, now),
                state.resetAfter(now));
    }

    private static long owed(TokenBucket bucket, long permits, long rest) {
        return permits > MOST_UNITS / bucket.unitsPerPermit() ? MOST_UNITS
                : Math.min(MOST_UNITS, permits * bucket.unitsPerPermit() + rest / Arguments.divisor(bucket));
    }

    private Standing window(Limit limit, long permits) {
        long used = next();
        long retryAt = next();
        long resetAt = next();
        boolean admits = granted || permits == 0 || permits <= limit.permits() - used;
        return new Standing(admits, Math.max(0, limit.permits() - used), retryAt - now, Math.max(0, resetAt - now));
    }
}
