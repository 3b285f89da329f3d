package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.RateLimiter;

import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/**
 * A key that is blocked is granted nothing until the time is over, whatever is asked and by whom; but for that it goes on
 * as its twin that is not.
 */
interface BlockContract extends Contract {

    /** No whole number of seconds, or of a window's segments. */
    long MICROS = 17_000_001;
    Duration FOR = Duration.of(MICROS, ChronoUnit.MICROS);

    private Trial blocking() {
        Trial trial = trial();
        if (!trial.store.blocksKeys()) {
            trial.close();
        }
        assumeTrue(trial.store.blocksKeys());
        return trial;
    }

    /** Any cost within the capacity is denied by every limit, with the time that is left; at its end all is free. */
    @EachHundred
    default void aBlockedKeyIsDeniedUntilTheTimeIsOver(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            trial.limiter.block(policy, "key", FOR);
            long begun = trial.clock.micros();
            for (long passed : new long[] {0, 1, 12_345_678, MICROS - 1}) {
                trial.clock.set(begun + passed);
                for (long permits : new long[] {1, 7, 100}) {
                    assertEquals(denied(MICROS - passed, policy), trial.limiter.acquire(policy, "key", permits));
                }
            }
            trial.clock.set(begun + MICROS);
            assertEquals(trial.standing(policy, "new"), trial.standing(policy, "key"));
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** Others are granted what they always are. */
    @EachHundred
    default void nobodyElseIsBlocked(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            Policy other = trial.policy(limits);
            trial.limiter.acquire(policy, "other", 40);
            trial.limiter.block(policy, "key", FOR);
            assertEquals(60, trial.drain(policy, "other", 200));
            assertEquals(100, trial.drain(policy, "new", 200));
            assertEquals(100, trial.drain(other, "key", 200));
        }
    }

    /** It acts on whoever asks next, wherever he is. */
    @EachHundred
    default void everyCallerIsDeniedAtOnce(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            List<RateLimiter> callers = trial.callers(3);
            callers.forEach(caller -> assertTrue(caller.acquire(policy, "key").allowed()));
            trial.limiter.block(policy, "key", FOR);
            for (RateLimiter caller : callers) {
                assertFalse(caller.acquire(policy, "key").allowed());
            }
        }
    }

    /** Those who ask while it is being blocked may still be granted; when it is, nobody is. */
    @EachHundred
    default void whoAsksAfterwardsIsDenied(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            List<RateLimiter> callers = trial.callers(4);
            AtomicBoolean blocked = new AtomicBoolean();
            AtomicLong late = new AtomicLong();
            long granted = Crowd.granted(8, thread -> {
                RateLimiter caller = callers.get(thread % 4);
                if (thread == 0) {
                    caller.block(policy, "key", FOR);
                    blocked.set(true);
                    return 0;
                }
                long mine = 0;
                for (int i = 0; i < 30; i++) {
                    boolean afterwards = blocked.get();
                    boolean allowed = caller.acquire(policy, "key").allowed();
                    mine += allowed ? 1 : 0;
                    late.addAndGet(allowed && afterwards ? 1 : 0);
                }
                return mine;
            });
            assertEquals(0, late.get());
            assertFalse(trial.limiter.acquire(policy, "key").allowed());
            assertTrue(trial.limiter.acquire(policy, "twin", granted).allowed());
            trial.clock.advance(MICROS);
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
        }
    }

    /** During the block a key tells when its twin and the block are done; afterwards it stands as its twin. */
    @Property(tries = 200, edgeCases = EdgeCasesMode.NONE)
    default void whatIsSpentStaysSpentAndComesBackMeanwhile(@ForAll(supplier = History.Forward.class) History history) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(history.limits());
            long until = 0;
            for (History.Step step : history.steps()) {
                trial.clock.advance(step.gapMicros());
                long left = until - trial.clock.micros();
                if (left > 0) {
                    Decision twin = trial.limiter.peek(policy, "twin", step.permits());
                    assertEquals(blocked(twin, left, policy, step.permits()),
                            trial.limiter.acquire(policy, "key", step.permits()));
                } else {
                    assertEquals(trial.limiter.acquire(policy, "twin", step.permits()),
                            trial.limiter.acquire(policy, "key", step.permits()));
                }
                if (step.permits() % 4 == 3) {
                    long micros = 1 + step.gapMicros() / 3 * step.permits();
                    trial.limiter.block(policy, "key", Duration.of(micros, ChronoUnit.MICROS));
                    until = Math.max(until, trial.clock.micros() + micros);
                }
            }
        }
    }

    private static Decision blocked(Decision twin, long left, Policy policy, long permits) {
        long reset = Math.max(left, twin.resetAfterMicros());
        if (permits == 0) {
            return new Decision.Allowed(0, reset, Decision.Source.STORE);
        }
        long retry = twin.retryAfterMicros() == Decision.NEVER ? Decision.NEVER : Math.max(left, twin.retryAfterMicros());
        return new Decision.Denied(0, retry, reset, policy.limits(), Decision.Source.STORE);
    }

    /** What can never pass says so still; nothing costs nothing; and a look tells what asking would. */
    @EachHundred
    default void whatIsAskedDuringABlockIsToldTheTruth(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            trial.limiter.block(policy, "key", FOR);
            assertEquals(new Decision.Denied(0, Decision.NEVER, MICROS, policy.limits(), Decision.Source.STORE),
                    trial.limiter.acquire(policy, "key", 5_001));
            assertEquals(new Decision.Allowed(0, MICROS, Decision.Source.STORE), trial.limiter.acquire(policy, "key", 0));
            assertEquals(new Decision.Allowed(0, MICROS, Decision.Source.STORE), trial.standing(policy, "key"));
            for (long permits : new long[] {1, 100}) {
                assertEquals(denied(MICROS, policy), trial.limiter.peek(policy, "key", permits));
            }
            List<Decision> each = trial.store.connect(trial.clock)
                    .acquireEach(policy, "key", List.of(1L, 0L, 100L)).toCompletableFuture().join();
            assertEquals(List.of(denied(MICROS, policy), new Decision.Allowed(0, MICROS, Decision.Source.STORE),
                    denied(MICROS, policy)), each);
        }
    }

    /** What is given back during a block is back afterwards, and not before. */
    @EachHundred
    default void givingBackLiftsNoBlock(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 100);
            trial.limiter.acquire(policy, "twin", 100);
            trial.limiter.block(policy, "key", FOR);
            trial.limiter.refund(policy, "key", 40);
            trial.limiter.refund(policy, "twin", 40);
            assertEquals(0, trial.standing(policy, "key").remaining());
            assertEquals(MICROS, trial.limiter.acquire(policy, "key").retryAfterMicros());
            trial.clock.advance(MICROS);
            assertEquals(trial.standing(policy, "twin"), trial.standing(policy, "key"));
        }
    }

    /** Forgotten means forgotten: block and all. */
    @EachHundred
    default void resetLiftsABlock(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            trial.limiter.acquire(policy, "key", 30);
            trial.limiter.block(policy, "key", FOR);
            trial.limiter.reset(policy, "key");
            assertEquals(trial.standing(policy, "new"), trial.standing(policy, "key"));
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** Of several blocks the one that ends last counts, in whatever order they came. */
    @Test
    default void theBlockThatEndsLastCounts() {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy("100/min");
            for (List<Integer> order : List.of(List.of(5, 9), List.of(9, 5))) {
                String key = "key " + order;
                order.forEach(seconds -> trial.limiter.block(policy, key, Duration.ofSeconds(seconds)));
                assertEquals(denied(9_000_000, policy), trial.limiter.acquire(policy, key));
            }
            trial.limiter.block(policy, "long", Limit.MAX_PERIOD);
            assertEquals(denied(366L * 86_400_000_000L, policy), trial.limiter.acquire(policy, "long"));
        }
    }

    /** Numbers, algorithms, and how many limits there are: whatever changes, the key stays blocked, and what was spent. */
    @ParameterizedTest(name = "{0} -> {1}: {2} are free afterwards")
    @CsvSource({
        "100/day, 200/day, 170",
        "100/day, 100/day sliding, 100",
        "100/day sliding, 50/day sliding, 20",
        "100/day fixed, 90/day, 90",
        "100/day fixed, 300/day fixed; 100/h, 100",
        "100/day fixed; 100/h sliding, 40/day fixed, 10",
        "1000/s burst 100; 100/day fixed, 50/s; 100/day fixed; 100/day sliding, 50"
    })
    default void aBlockSurvivesAChangeOfLimits(String before, String after, long free) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(before);
            Policy changed = Trial.changed(policy, after);
            trial.limiter.acquire(policy, "key", 30);
            trial.limiter.acquire(policy, "twin", 30);
            trial.limiter.block(policy, "key", Duration.ofSeconds(2));
            trial.limiter.block(policy, "new", Duration.ofSeconds(2));
            for (String key : List.of("key", "new")) {
                assertEquals(2_000_000, trial.limiter.acquire(changed, key).retryAfterMicros());
                assertEquals(changed.limits(), trial.limiter.acquire(changed, key).deniedBy());
                trial.limiter.refund(changed, key, 0);
                trial.limiter.block(changed, key, Duration.ofSeconds(1));
                assertEquals(2_000_000, trial.limiter.acquire(policy, key).retryAfterMicros());
            }
            trial.clock.advance(2_000_000);
            assertEquals(trial.standing(changed, "twin"), trial.standing(changed, "key"));
            assertEquals(free, trial.standing(changed, "key").remaining());
            assertEquals(changed.capacity(), trial.standing(changed, "new").remaining());
        }
    }

    /** All or nothing: what a request asks of others is not charged if one of its keys is blocked. */
    @EachHundred
    default void aBlockedKeyCostsTheOthersNothing(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            Policy other = trial.policy("50/min");
            trial.limiter.block(policy, "key", FOR);
            Ask blocked = new Ask(policy, "key", 1);
            Ask open = new Ask(other, "key", 1);
            for (List<Ask> asks : List.of(List.of(open, blocked), List.of(blocked, open))) {
                Decisions decisions = trial.limiter.acquireAll(asks);
                assertFalse(decisions.allowed());
                assertEquals(MICROS, decisions.retryAfterMicros());
            }
            assertEquals(50, trial.standing(other, "key").remaining());
            assertTrue(trial.limiter.acquireAll(List.of(open, new Ask(policy, "key", 0))).allowed());
            assertEquals(49, trial.standing(other, "key").remaining());
            trial.clock.advance(MICROS);
            assertTrue(trial.limiter.acquireAll(List.of(open, blocked)).allowed());
            assertEquals(99, trial.standing(policy, "key").remaining());
        }
    }

    /** The store forgets a block by itself, once it is over. */
    @ParameterizedTest
    @ValueSource(strings = {"50/s", "50/s; 60/s sliding; 70/s fixed"})
    default void afterTheirTimeBlocksAreForgotten(String limits) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy(limits);
            long before = trial.store.liveKeys();
            for (int i = 0; i < 200; i++) {
                trial.limiter.block(policy, "key " + i, Duration.ofSeconds(5));
            }
            long most = trial.store.liveKeys();
            assertTrue(most >= before + 200, () -> "200 keys are blocked, and " + most + " live.");
            trial.store.letPass(trial.clock, Duration.ofSeconds(2));
            long during = trial.store.liveKeys();
            assertTrue(during >= 200, () -> "200 keys are blocked still, and " + during + " live.");
            assertFalse(trial.limiter.acquire(policy, "key 199").allowed());
            trial.store.letPass(trial.clock, Duration.ofSeconds(4));
            for (int i = 0; i < 50; i++) {
                trial.limiter.acquire(policy, "passing");
                trial.store.letPass(trial.clock, Duration.ofMillis(20));
            }
            long after = trial.store.liveKeys();
            assertTrue(after <= before + 1, () -> before + " keys lived before, " + after + " after.");
        }
    }

    /** Times to block for that are none are told as mistakes before the store is asked. */
    @ParameterizedTest
    @ValueSource(strings = {"PT0S", "PT-1S", "PT0.000000999S", "P366DT0.000001S", "P99999D"})
    default void aTimeOutOfRangeIsRefused(Duration duration) {
        try (Trial trial = blocking()) {
            Policy policy = trial.policy("100/min");
            assertThrows(IllegalArgumentException.class, () -> trial.limiter.block(policy, "key", duration));
            assertEquals(100, trial.drain(policy, "key", 200));
        }
    }

    /** A backend that cannot block says so, and grants as before. */
    @Test
    default void aBlockIsMadeOrRefused() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("100/min");
            if (trial.store.blocksKeys()) {
                trial.limiter.block(policy, "key", FOR);
                assertEquals(0, trial.drain(policy, "key", 200));
            } else {
                assertThrows(RateLimitDefectException.class, () -> trial.limiter.block(policy, "key", FOR));
                assertEquals(100, trial.drain(policy, "key", 200));
            }
        }
    }

    private static Decision denied(long left, Policy policy) {
        return new Decision.Denied(0, left, left, policy.limits(), Decision.Source.STORE);
    }
}
