package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlidingWindow;
import io.github.micronautratelimit.limit.TokenBucket;
import java.math.BigInteger;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstanceShareTest {

    @ParameterizedTest
    @CsvSource({
        "100/min, 4, 1/2400ms burst 25",
        "100/min, 3, 1/1800ms burst 33",
        "3/min, 5, 1/100s",
        "1/day, 2, 1/2day",
        "10/s burst 50, 5, 1/500ms burst 10",
        "10/min sliding, 5, 2/min sliding",
        "10/min sliding, 4, 2/min sliding",
        "3/min sliding, 5, 1/100s sliding",
        "3/min fixed, 5, 1/100s fixed",
        "10000/day fixed, 10, 1000/day fixed",
        "1000/month from 31 Europe/Berlin, 10, 100/month from 31 Europe/Berlin",
        "19/day Asia/Kathmandu, 10, 1/day Asia/Kathmandu",
        "5/week, 10, 1/14day fixed",
        "1/day, 1000, 1/366day",
        "1/366day fixed, 10000, 1/366day fixed"
    })
    void eachInstanceGrantsItsShare(String whole, int instances, String part) {
        assertEquals(Limit.parse(part), InstanceShare.part(Limit.parse(whole), instances));
    }

    @Property(tries = 500)
    void sharesOfABucketAddUpToItsRateAndDivideItsBurst(
            @ForAll @LongRange(min = 1, max = 1_000_000) long permits,
            @ForAll @LongRange(min = 1_000, max = 86_400_000_000L) long period,
            @ForAll @IntRange(min = 1, max = 300) int instances) {
        Limit part = InstanceShare.part(new TokenBucket(permits, period, permits), instances);
        assertEquals(
                BigInteger.valueOf(permits).multiply(BigInteger.valueOf(part.periodMicros())),
                BigInteger.valueOf(part.permits())
                        .multiply(BigInteger.valueOf(period))
                        .multiply(BigInteger.valueOf(instances)));
        assertEquals(Math.max(1, permits / instances), part.capacity());
    }

    @Property(tries = 500)
    void sharesOfAWindowNeverAddUpToMoreThanTheWindow(
            @ForAll @LongRange(min = 1, max = 1_000_000) long permits,
            @ForAll @LongRange(min = 1_000, max = 86_400_000_000L) long period,
            @ForAll @IntRange(min = 1, max = 300) int instances) {
        Limit part = InstanceShare.part(new SlidingWindow(permits, period), instances);
        assertTrue(BigInteger.valueOf(part.permits())
                        .multiply(BigInteger.valueOf(period))
                        .multiply(BigInteger.valueOf(instances))
                        .compareTo(BigInteger.valueOf(permits).multiply(BigInteger.valueOf(part.periodMicros())))
                <= 0);
        assertTrue(part.permits() >= 1);
        assertTrue(permits < instances || part.periodMicros() == period && part.permits() == permits / instances);
    }

    @ParameterizedTest
    @CsvSource({"10/min fixed; 11/min fixed, 10", "10/s; 1000/h sliding, 3"})
    void denialOfAShareNamesTheConfiguredLimits(String limits, int instances) {
        Policy whole = Policy.of("p", limits);
        InstanceShare share = new InstanceShare(whole, instances);
        Decision denial =
                new Decision.Denied(0, 1, 1, List.of(share.policy().rateLimits().get(0)), Decision.Source.STORE);
        List<Limit> named = share.deniedBy(denial);
        assertEquals(whole.rateLimits().get(0), named.get(0));
        assertEquals(share.policy().rateLimits().size() == 1 ? 2 : 1, named.size());
    }
}
