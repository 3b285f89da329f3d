package io.github.micronautratelimit.tck;

import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** One test case's stage: a store, a clock that stands still, a caller, and names that nobody else uses. */
final class Trial implements AutoCloseable {

    private static final String RUN = UUID.randomUUID().toString();
    private static final AtomicLong NAMES = new AtomicLong();

    final BackendUnderTest store;
    /** Neither at the beginning of a second, a minute, an hour nor a day. */
    final VirtualClock clock = VirtualClock.at(Instant.parse("2026-09-14T10:20:17.300123Z"));
    final RateLimiter limiter;

    Trial(BackendUnderTest store) {
        this.store = store;
        this.limiter = caller(clock);
    }

    RateLimiter caller(MicroClock tells) {
        return new RateLimiter(store.connect(tells), List.of());
    }

    /** So many callers that share this trial's clock, as instances of one application would. */
    List<RateLimiter> callers(int count) {
        return IntStream.range(0, count).mapToObj(i -> caller(clock)).toList();
    }

    /** A policy under a name of its own. */
    Policy policy(String limits) {
        return policy(Limit.parseAll(limits));
    }

    Policy policy(List<Limit> limits) {
        return new Policy("tck-" + RUN + "-" + NAMES.incrementAndGet(), limits, OnError.CLOSED);
    }

    /** The same policy after somebody has changed its limits. */
    static Policy changed(Policy policy, String limits) {
        return new Policy(policy.name(), Limit.parseAll(limits), policy.onError());
    }

    /** How the key stands. */
    Decision standing(Policy policy, String key) {
        return limiter.peek(policy, key, 0);
    }

    /** Takes single permits until one is denied, at most so many. */
    long drain(Policy policy, String key, long atMost) {
        return drain(limiter, policy, key, atMost);
    }

    static long drain(RateLimiter limiter, Policy policy, String key, long atMost) {
        long granted = 0;
        while (granted < atMost && limiter.acquire(policy, key).allowed()) {
            granted++;
        }
        return granted;
    }

    @Override
    public void close() {
        store.close();
    }
}
