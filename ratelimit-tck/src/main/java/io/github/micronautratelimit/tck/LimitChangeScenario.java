package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ArbitrarySupplier;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/** Requests on one key whose limits change, with numbers up to the bounds of limits. */
record LimitChangeScenario(List<List<Limit>> versions, List<Step> steps) {

    static final long LONGEST_MICROS = Limit.MAX_PERIOD.toSeconds() * 1_000_000;

    /**
     * A request and a refund under one version of the policy.
     *
     * @param version   the index of the version
     * @param gapMicros the time since the previous request
     * @param permits   the cost; a negative number is added to the capacity of the version
     * @param refunded  the permits to refund afterwards
     */
    record Step(int version, long gapMicros, long permits, long refunded) {}

    /** Generates scenarios. */
    static final class Generated implements ArbitrarySupplier<LimitChangeScenario> {

        @Override
        public Arbitrary<LimitChangeScenario> get() {
            return Combinators.combine(versions(), steps()).as(LimitChangeScenario::new);
        }

        private static Arbitrary<List<List<Limit>>> versions() {
            return limit().list()
                    .uniqueElements()
                    .ofMinSize(1)
                    .ofMaxSize(3)
                    .list()
                    .ofMinSize(1)
                    .ofMaxSize(3);
        }

        private static Arbitrary<Limit> limit() {
            Arbitrary<Long> permits = upTo(Limit.MAX_PERMITS);
            Arbitrary<Long> periods = upTo(LONGEST_MICROS);
            return Arbitraries.oneOf(
                    // The core rejects larger buckets.
                    Combinators.combine(permits, periods, upTo(Limit.MAX_PERMITS))
                            .as((permit, period, burst) ->
                                    new TokenBucket(permit, period, Math.min(burst, (1L << 62) / period))),
                    Combinators.combine(permits, periods).as(SlidingWindow::new),
                    Combinators.combine(permits, periods).as(FixedWindow::new));
        }

        /** Generates numbers of every order of magnitude, up to a bound. */
        private static Arbitrary<Long> upTo(long most) {
            return Arbitraries.oneOf(
                    Arbitraries.integers()
                            .between(0, 62 - Long.numberOfLeadingZeros(most))
                            .flatMap(bits -> Arbitraries.longs().between(1L << bits, Math.min(most, 2L << bits))),
                    Arbitraries.of(1L, 255L, 256L, 65_535L, 65_536L, most - 1, most));
        }

        private static Arbitrary<List<Step>> steps() {
            Arbitrary<Long> gaps = Arbitraries.oneOf(Arbitraries.of(0L, 0L, 1L, -50_000L), upTo(LONGEST_MICROS));
            Arbitrary<Long> permits =
                    Arbitraries.oneOf(Arbitraries.longs().between(-3, 3), upTo(2 * Limit.MAX_PERMITS));
            Arbitrary<Long> refunded =
                    Arbitraries.frequencyOf(Tuple.of(4, Arbitraries.just(0L)), Tuple.of(1, upTo(Limit.MAX_PERMITS)));
            return Combinators.combine(Arbitraries.integers().between(0, 5), gaps, permits, refunded)
                    .as(Step::new)
                    .list()
                    .ofMinSize(1)
                    .ofMaxSize(30);
        }
    }
}
