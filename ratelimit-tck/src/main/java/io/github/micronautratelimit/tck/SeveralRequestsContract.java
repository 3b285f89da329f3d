package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/** Several requests of one key told at once: each is decided on its own, as if it had come alone and in that order. */
interface SeveralRequestsContract extends Contract {

    /** A cheap request after one that is denied may still pass; nothing costs nothing; too much never passes. */
    @EachHundred
    default void eachIsDecidedOnItsOwnInOrder(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            List<Long> costs = List.of(60L, 41L, 0L, 30L, 5000L, 10L, 1L, 0L);
            List<Decision> oneByOne = new ArrayList<>();
            for (long cost : costs) {
                oneByOne.add(trial.limiter.acquire(policy, "one by one", cost));
            }
            assertEquals(List.of(true, false, true, true, false, true, false, true),
                    oneByOne.stream().map(Decision::allowed).toList());
            RateLimitBackend backend = trial.store.connect(trial.clock);
            assertEquals(oneByOne, each(backend, policy, "at once", costs));
            assertEquals(trial.standing(policy, "one by one"), trial.standing(policy, "at once"));
            trial.clock.advance(13_000_000);
            for (int i = 0; i < costs.size(); i++) {
                oneByOne.set(i, trial.limiter.acquire(policy, "one by one", costs.get(i)));
            }
            assertEquals(oneByOne, each(backend, policy, "at once", costs), "a while later");
        }
    }

    /** Nobody asks for nothing. */
    @Test
    default void noRequestsHaveNoDecisions() {
        try (Trial trial = trial()) {
            Policy policy = trial.policy("5/min");
            assertEquals(List.of(), each(trial.store.connect(trial.clock), policy, "key", List.of()));
            assertEquals(5, trial.standing(policy, "key").remaining());
        }
    }

    /** A crowd that asks by the dozen, and alone, is granted exactly what is there. */
    @EachHundred
    default void aCrowdThatAsksByTheDozenIsGrantedExactlyWhatIsThere(String limits) {
        try (Trial trial = trial()) {
            Policy policy = trial.policy(limits);
            List<RateLimitBackend> callers = List.of(trial.store.connect(trial.clock), trial.store.connect(trial.clock),
                    trial.store.connect(trial.clock), trial.store.connect(trial.clock));
            List<Long> dozen = Collections.nCopies(12, 1L);
            long granted = Crowd.granted(16, thread -> {
                long mine = 0;
                for (int i = 0; i < 4; i++) {
                    List<Decision> decided = each(callers.get(thread % 4), policy, "key", i == 2 ? List.of(1L) : dozen);
                    mine += decided.stream().filter(Decision::allowed).count();
                }
                return mine;
            });
            assertEquals(100, granted);
            assertEquals(0, trial.standing(policy, "key").remaining());
        }
    }

    private static List<Decision> each(RateLimitBackend backend, Policy policy, String key, List<Long> costs) {
        return backend.acquireEach(policy, key, costs).toCompletableFuture().join();
    }
}
