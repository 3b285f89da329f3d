package io.github.micronautratelimit.tck;

import java.util.List;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.SlidingWindow;
import io.github.micronautratelimit.TokenBucket;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ArbitrarySupplier;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** What is asked of a key whose limits change, with numbers as large and as odd as limits may have. */
record OddNumbers(List<List<Limit>> versions, List<Step> steps) {

    static final long LONGEST_MICROS = Limit.MAX_PERIOD.toSeconds() * 1_000_000;

    /**
     * A request under one of the policy's versions, so long after the one before; then some permits are given back.
     * Permits below 0 count from the version's capacity.
     */
    record Step(int version, long gapMicros, long permits, long givenBack) {
    }

    /** Generates them. */
    static final class Generated implements ArbitrarySupplier<OddNumbers> {

        @Override
        public Arbitrary<OddNumbers> get() {
            return Combinators.combine(versions(), steps()).as(OddNumbers::new);
        }

        private static Arbitrary<List<List<Limit>>> versions() {
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

        private static Arbitrary<List<Step>> steps() {
            Arbitrary<Long> gaps = Arbitraries.oneOf(Arbitraries.of(0L, 0L, 1L, -50_000L), upTo(LONGEST_MICROS));
            Arbitrary<Long> permits =
                    Arbitraries.oneOf(Arbitraries.longs().between(-3, 3), upTo(2 * Limit.MAX_PERMITS));
            Arbitrary<Long> givenBack = Arbitraries.frequencyOf(
                    Tuple.of(4, Arbitraries.just(0L)), Tuple.of(1, upTo(Limit.MAX_PERMITS)));
            return Combinators.combine(Arbitraries.integers().between(0, 5), gaps, permits, givenBack).as(Step::new)
                    .list().ofMinSize(1).ofMaxSize(30);
        }
    }
}
