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

/**
 * Limits and a sequence of requests on one key.
 *
 * @param limits one to three limits
 * @param steps  the requests in order
 */
record History(List<Limit> limits, List<Step> steps) {

    /**
     * One request.
     *
     * @param gapMicros the time since the previous request
     * @param permits   the cost
     */
    record Step(long gapMicros, long permits) {}

    /** Returns the largest cost that every limit can grant. */
    long capacity() {
        return limits.stream().mapToLong(Limit::capacity).min().orElseThrow();
    }

    /** Generates histories in which time never goes back. */
    static final class Forward implements ArbitrarySupplier<History> {

        @Override
        public Arbitrary<History> get() {
            return histories(gaps());
        }
    }

    /** Generates histories in which time sometimes goes back a little, as between instances with different clocks. */
    static final class Wavering implements ArbitrarySupplier<History> {

        @Override
        public Arbitrary<History> get() {
            return histories(Arbitraries.frequencyOf(
                    Tuple.of(4, gaps()), Tuple.of(1, Arbitraries.longs().between(-100_000, -1))));
        }
    }

    private static Arbitrary<History> histories(Arbitrary<Long> gaps) {
        Arbitrary<Long> costs = Arbitraries.frequencyOf(
                Tuple.of(6, Arbitraries.longs().between(1, 3)),
                Tuple.of(2, Arbitraries.longs().between(4, 12)),
                Tuple.of(1, Arbitraries.longs().between(0, 40)));
        Arbitrary<Step> steps = Combinators.combine(gaps, costs).as(Step::new);
        return Combinators.combine(
                        limit().list().uniqueElements().ofMinSize(1).ofMaxSize(3),
                        steps.list().ofMinSize(1).ofMaxSize(40))
                .as(History::new);
    }

    private static Arbitrary<Long> gaps() {
        return Arbitraries.oneOf(
                Arbitraries.of(0L, 0L, 0L, 1L),
                Arbitraries.longs().between(1, 1_000_000),
                Arbitraries.longs().between(1_000_000, 20_000_000),
                Arbitraries.of(15_625L, 1_000_000L, 3_000_000L, 60_000_000L, 86_400_000_000L));
    }

    private static Arbitrary<Limit> limit() {
        Arbitrary<Long> permits = Arbitraries.longs().between(1, 20);
        Arbitrary<Long> periods =
                Arbitraries.of(1_000L, 100_000L, 1_000_000L, 3_000_000L, 7_000_003L, 60_000_000L, 86_400_000_000L);
        return Arbitraries.oneOf(
                Combinators.combine(permits, periods, Arbitraries.longs().between(1, 30))
                        .as(TokenBucket::new),
                Combinators.combine(permits, periods).as(SlidingWindow::new),
                Combinators.combine(permits, periods).as(FixedWindow::new),
                Combinators.combine(permits, Arbitraries.of("day Europe/Berlin", "week from sunday", "month from 15"))
                        .as((number, period) -> Limit.parse(number + "/" + period)));
    }
}
