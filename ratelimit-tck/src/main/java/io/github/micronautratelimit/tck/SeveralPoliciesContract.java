package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;

/** One request under several policies: all of them grant and are charged, or none is. */
interface SeveralPoliciesContract extends Contract {

    /** Whoever is denied by one policy has paid nothing under another, in whichever order they are asked. */
    @EachHundred
    default void aDeniedRequestCostsNoOtherLimitAnything(String limits) {
        try (Trial trial = trial()) {
            Policy wide = trial.policy(limits);
            Policy narrow = trial.policy("5/min");
            Ask a = new Ask(wide, "key", 2);
            Ask b = new Ask(narrow, "key", 1);
            for (int i = 0; i < 20; i++) {
                Decisions decisions = trial.limiter.acquireAll(i % 2 == 0 ? List.of(a, b) : List.of(b, a));
                assertEquals(i < 5, decisions.allowed(), "request " + i);
                if (i < 5) {
                    assertEquals(98 - 2 * i, decisions.each().get(i % 2).remaining());
                    assertEquals(4 - i, decisions.each().get(1 - i % 2).remaining());
                } else {
                    Decision last = decisions.each().get(decisions.each().size() - 1);
                    boolean inTurn = !trial.store.atomicAcrossKeys() && !last.allowed();
                    assertTrue(inTurn || decisions.each().size() == 2);
                    assertEquals(12_000_000, decisions.retryAfterMicros());
                }
            }
            trial.limiter.acquire(wide, "twin", 10);
            assertEquals(trial.standing(wide, "twin"), trial.standing(wide, "key"));
            assertEquals(0, trial.standing(narrow, "key").remaining());
        }
    }

    /** The same policy may be asked for several keys. */
    @Test
    default void oneRequestMayNameSeveralKeysOfAPolicy() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("10/min sliding");
            trial.limiter.acquire(policy, "b", 8);
            List<Ask> asks = List.of(new Ask(policy, "a", 2), new Ask(policy, "b", 2), new Ask(policy, "c", 2));
            assertTrue(trial.limiter.acquireAll(asks).allowed());
            assertFalse(trial.limiter.acquireAll(asks).allowed());
            assertEquals(8, trial.standing(policy, "a").remaining());
            assertEquals(0, trial.standing(policy, "b").remaining());
            assertEquals(8, trial.standing(policy, "c").remaining());
        }
    }

    /** What is asked twice in one request is charged twice, or denied whole. */
    @EachHundred
    default void whatIsAskedTwiceIsChargedTwice(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            Policy other = trial.policy("1000/min");
            Ask twice = new Ask(policy, "key", 40);
            List<Ask> asks = List.of(twice, new Ask(other, "key", 1), twice);
            assertTrue(trial.limiter.acquireAll(asks).allowed());
            assertEquals(20, trial.standing(policy, "key").remaining());
            assertFalse(trial.limiter.acquireAll(asks).allowed());
            List<Ask> tooMany = List.of(new Ask(policy, "new", 51), new Ask(policy, "new", 50));
            assertFalse(trial.limiter.acquireAll(tooMany).allowed());
            assertEquals(20, trial.standing(policy, "key").remaining());
            assertEquals(999, trial.standing(other, "key").remaining());
            assertEquals(100, trial.standing(policy, "new").remaining());
        }
    }

    /** Asking for nothing under one policy neither denies nor costs. */
    @Test
    default void nothingMayBeAskedUnderSomePolicies() {
        try (Trial trial = trial()) {
            Policy spent = trial.policy("5/min");
            Policy other = trial.policy("5/min fixed");
            trial.limiter.acquire(spent, "key", 5);
            List<Ask> asks = List.of(new Ask(spent, "key", 0), new Ask(other, "key", 2), new Ask(other, "new", 0));
            assertTrue(trial.limiter.acquireAll(asks).allowed());
            assertEquals(0, trial.standing(spent, "key").remaining());
            assertEquals(3, trial.standing(other, "key").remaining());
            assertEquals(5, trial.standing(other, "new").remaining());
        }
    }

    /** What can never be granted says so, whatever the other policies say. */
    @Test
    default void whatNeverPassesSaysSo() {
        try (Trial trial = trial()) {
            Policy small = trial.policy("5/min");
            Policy large = trial.policy("100/min");
            Decisions decisions = trial.limiter.acquireAll(List.of(new Ask(large, "key", 6), new Ask(small, "key", 6)));
            assertFalse(decisions.allowed());
            assertEquals(Decision.NEVER, decisions.retryAfterMicros());
            assertEquals(100, trial.standing(large, "key").remaining());
        }
    }

    /**
     * Some ask under a wide and a narrow policy, others under the wide one alone: in the end the wide one has paid for
     * those who were granted, and for nobody else. Where several keys are one atomic step, nobody was denied on account
     * of permits that a denied request held for a moment.
     */
    @EachHundred
    default void aCrowdOfDeniedRequestsCostsNoOtherLimitAnything(String limits) {
        try (Trial trial = trial()) {
            Policy wide = trial.policy(limits);
            Policy narrow = trial.policy("10/min");
            List<RateLimiter> callers = trial.callers(4);
            AtomicLong both = new AtomicLong();
            long alone = Crowd.granted(32, thread -> {
                RateLimiter caller = callers.get(thread % 4);
                long mine = 0;
                for (int i = 0; i < 30; i++) {
                    if (thread < 16) {
                        Ask a = new Ask(wide, "key", 1);
                        Ask b = new Ask(narrow, "key", 1);
                        List<Ask> asks = i % 2 == 0 ? List.of(a, b) : List.of(b, a);
                        both.addAndGet(caller.acquireAll(asks).allowed() ? 1 : 0);
                    } else if (i < 5) {
                        mine += caller.acquire(wide, "key").allowed() ? 1 : 0;
                    }
                }
                return mine;
            });
            assertEquals(100 - both.get() - alone, trial.standing(wide, "key").remaining());
            assertEquals(10 - both.get(), trial.standing(narrow, "key").remaining());
            if (trial.store.atomicAcrossKeys()) {
                assertEquals(10, both.get());
                assertEquals(80, alone);
            }
        }
    }

    /** Requests that name the same keys in opposite order neither wait for each other forever nor lose a permit. */
    @Test
    default void aCrowdThatAsksInEveryOrderIsGrantedExactlyWhatIsThere() {
        try (Trial trial = trial()) {
            List<Policy> policies = List.of(trial.policy("100/min"), trial.policy("200/h sliding; 150/min"),
                    trial.policy("300/day fixed"));
            List<RateLimiter> callers = trial.callers(4);
            long granted = Crowd.granted(32, thread -> {
                long mine = 0;
                for (int i = 0; i < 20; i++) {
                    int first = (thread + i) % 3;
                    int second = (first + 1 + i % 2) % 3;
                    mine += callers.get(thread % 4).acquireAll(List.of(
                            new Ask(policies.get(first), "key", 1),
                            new Ask(policies.get(second), "key", 1),
                            new Ask(policies.get(3 - first - second), "key", 1))).allowed() ? 1 : 0;
                }
                return mine;
            });
            assertTrue(trial.store.atomicAcrossKeys() ? granted == 100 : granted <= 100, () -> "granted " + granted);
            assertEquals(100 - granted, trial.standing(policies.get(0), "key").remaining());
            assertEquals(150 - granted, trial.standing(policies.get(1), "key").remaining());
            assertEquals(300 - granted, trial.standing(policies.get(2), "key").remaining());
        }
    }
}
