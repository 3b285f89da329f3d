package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * The fixture of one test case: a store, a clock that moves only by request, a limiter, and unique names of policies.
 */
final class TestCase implements AutoCloseable {

    private static final String RUN = UUID.randomUUID().toString();
    private static final AtomicLong NAMES = new AtomicLong();
    /** More than any key of the suite owes. */
    private static final int MOST_DEBT = 1_000;

    final BackendUnderTest store;
    /** Not at the start of a second, minute, hour or day. */
    final VirtualClock clock = VirtualClock.at(Instant.parse("2026-09-14T10:20:17.300123Z"));

    final RateLimiter limiter;

    TestCase(BackendUnderTest store) {
        this.store = store;
        this.limiter = caller(clock);
    }

    /** Returns the limiter of another instance. */
    RateLimiter caller(MicroClock itsClock) {
        return RateLimiter.builder(store.connect(itsClock)).unguarded().build();
    }

    /** Returns the limiters of several instances with the clock of this test case. */
    List<RateLimiter> callers(int count) {
        return IntStream.range(0, count).mapToObj(i -> caller(clock)).toList();
    }

    /** Returns a policy with a unique name. */
    Policy policy(String limits) {
        return policy(Limit.parseAll(limits));
    }

    Policy policy(List<Limit> limits) {
        return Policy.of("tck-" + RUN + "-" + NAMES.incrementAndGet(), limits).withOnError(OnError.CLOSED);
    }

    /** Returns a policy of the same name with other limits. */
    static Policy changed(Policy policy, String limits) {
        return Policy.of(policy.name(), Limit.parseAll(limits)).withOnError(policy.onError());
    }

    /** Returns the state of a key. */
    Decision status(Policy policy, String key) {
        return limiter.peek(policy, key, 0);
    }

    /**
     * Moves the clock; backwards only while the key has state. A store may have removed a key without state, and with
     * it the latest time of a request.
     */
    void advance(long micros, Policy policy, String key) {
        if (micros >= 0 || status(policy, key).resetAfterMicros() > 0) {
            clock.advance(micros);
        }
    }

    /** Takes single permits until one is denied or a number is reached; returns the permits taken. */
    long drain(Policy policy, String key, long atMost) {
        return drain(limiter, policy, key, atMost);
    }

    static long drain(RateLimiter limiter, Policy policy, String key, long atMost) {
        long granted = 0;
        while (granted < atMost && limiter.tryAcquire(policy, key).allowed()) {
            granted++;
        }
        return granted;
    }

    /** Returns the permits by which a key is in debt: those to refund until the next one would come free. */
    long refundedUntilFree(Policy policy) {
        for (long refunded = 0; refunded < MOST_DEBT; refunded++) {
            limiter.refund(policy, "key", 1);
            if (status(policy, "key").remaining() > 0) {
                return refunded;
            }
        }
        throw new AssertionError("No permit is free after " + MOST_DEBT + " refunds.");
    }

    @Override
    public void close() {
        store.close();
    }
}
