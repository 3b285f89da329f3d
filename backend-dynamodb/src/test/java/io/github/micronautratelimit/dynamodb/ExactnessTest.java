package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.SlidingWindow;
import io.github.micronautratelimit.TokenBucket;
import io.github.micronautratelimit.tck.VirtualClock;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;

/** Numbers as large and as odd as limits may have, and limits that change. */
class ExactnessTest {

    private static final long START = 1_790_000_163_376_680L;
    private static final long LONGEST_MICROS = Limit.MAX_PERIOD.toSeconds() * 1_000_000;

    /** A request under one of a policy's versions, so long after the one before; then some permits are given back. */
    record Step(int version, long gapMicros, long permits, long givenBack) {
    }

    /** To the microsecond what the core decides. */
    @Property(tries = 500, edgeCases = EdgeCasesMode.NONE)
    void decidesAsTheCore(@ForAll("versions") List<List<Limit>> versions, @ForAll("steps") List<Step> steps) {
        try (DynamoDbUnderTest store = new DynamoDbUnderTest()) {
            VirtualClock clock = new VirtualClock(START);
            var backend = store.connect(clock);
            @Nullable LimitState state = null;
            for (Step step : steps) {
                // Back only while the key says something: the store may have forgotten it, and with it the latest time.
                if (step.gapMicros() >= 0 || state != null && !state.isBlank(clock.micros())) {
                    clock.advance(step.gapMicros());
                }
                long now = clock.micros();
                Policy policy = new Policy("odd", versions.get(step.version() % versions.size()), OnError.CLOSED);
                long permits = Math.max(0, step.permits() < 0 ? policy.capacity() + step.permits() : step.permits());
                LimitState found = policy.stateAt(state, now);
                Decision expected = found.denial(permits, now);
                if (permits == 0) {
                    expected = found.grant(now);
                } else if (found.admits(permits)) {
                    state = found.charge(permits);
                    expected = state.grant(now);
                }
                assertEquals(expected, backend.acquire(policy, "key", permits).toCompletableFuture().join());
                if (step.givenBack() > 0 && state != null) {
                    state = policy.stateAt(state, now).refund(step.givenBack());
                    backend.refund(policy, "key", step.givenBack()).toCompletableFuture().join();
                }
            }
        }
    }

    /** A rounded product would be less than a microsecond off each time: over many requests it shows. */
    @Test
    void nothingDrifts() {
        try (DynamoDbUnderTest store = new DynamoDbUnderTest()) {
            Policy policy = new Policy("drift",
                    List.of(new TokenBucket(131_071, LONGEST_MICROS - 1, 131_071)), OnError.CLOSED);
            VirtualClock clock = new VirtualClock(START);
            var backend = store.connect(clock);
            Random random = new Random(1);
            LimitState state = policy.stateAt(null, START);
            for (int i = 0; i < 2_000; i++) {
                clock.advance(random.nextLong(LONGEST_MICROS / 8));
                state = policy.stateAt(state, clock.micros());
                long permits = Math.max(1, random.nextLong(state.remaining() / 4 + 1));
                Decision expected = state.denial(permits, clock.micros());
                if (state.admits(permits)) {
                    state = state.charge(permits);
                    expected = state.grant(clock.micros());
                }
                assertEquals(expected, backend.acquire(policy, "key", permits).toCompletableFuture().join());
            }
        }
    }

    @Provide
    Arbitrary<List<List<Limit>>> versions() {
        return limit().list().uniqueElements().ofMinSize(1).ofMaxSize(3).list().ofMinSize(1).ofMaxSize(3);
    }

    private static Arbitrary<Limit> limit() {
        Arbitrary<Long> permits = upTo(Limit.MAX_PERMITS);
        Arbitrary<Long> periods = upTo(LONGEST_MICROS);
        return Arbitraries.oneOf(
                // Larger buckets the core refuses.
                Combinators.combine(permits, periods, upTo(Limit.MAX_PERMITS)).as((permit, period, burst) ->
                        new TokenBucket(permit, period, Math.min(burst, (1L << 62) / period))),
                Combinators.combine(permits, periods).as(SlidingWindow::new),
                Combinators.combine(permits, periods).as(FixedWindow::new));
    }

    /** Of every order of magnitude, and the largest. */
    private static Arbitrary<Long> upTo(long most) {
        return Arbitraries.oneOf(
                Arbitraries.integers().between(0, 62 - Long.numberOfLeadingZeros(most))
                        .flatMap(bits -> Arbitraries.longs().between(1L << bits, Math.min(most, 2L << bits))),
                Arbitraries.of(1L, 255L, 256L, 65_535L, 65_536L, most - 1, most));
    }

    @Provide
    Arbitrary<List<Step>> steps() {
        Arbitrary<Long> gaps = Arbitraries.oneOf(Arbitraries.of(0L, 0L, 1L, -50_000L), upTo(LONGEST_MICROS));
        Arbitrary<Long> permits = Arbitraries.oneOf(Arbitraries.longs().between(-3, 3), upTo(2 * Limit.MAX_PERMITS));
        Arbitrary<Long> givenBack = Arbitraries.frequencyOf(
                Tuple.of(4, Arbitraries.just(0L)),
                Tuple.of(1, upTo(Limit.MAX_PERMITS)));
        return Combinators.combine(Arbitraries.integers().between(0, 5), gaps, permits, givenBack).as(Step::new)
                .list().ofMinSize(1).ofMaxSize(30);
    }
}
