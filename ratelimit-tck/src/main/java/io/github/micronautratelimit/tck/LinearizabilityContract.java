package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Calls of several instances on one key at the same time have an order in which an exact model gives each of them the
 * answer that it got, to the microsecond.
 *
 * <p>Time stands still while the callers run and moves on between the rounds, so the answers do not depend on the speed
 * of the machine. The limits change after half of the rounds.
 */
interface LinearizabilityContract extends Contract {

    /** The seeds of the histories; each is a test case. */
    int SEEDS = 12;

    /** The callers, each with its own connection. */
    int CALLERS = 4;

    /** The rounds of a history. */
    int ROUNDS = 4;

    /** The calls of each caller in a round. */
    int CALLS = 5;

    /** One random history per seed. */
    @TestFactory
    default Stream<DynamicTest> concurrentCallsTakeEffectOneAfterTheOther() {
        return IntStream.rangeClosed(1, SEEDS)
                .mapToObj(seed -> DynamicTest.dynamicTest("seed " + seed, () -> history(seed)));
    }

    private void history(int seed) {
        Random random = new Random(seed);
        try (TestCase testCase = newTestCase()) {
            Policy policy = testCase.policy(RandomLimits.of(random, 500_000, 20_000_000));
            Policy changed = Policy.of(policy.name(), RandomLimits.of(random, 500_000, 20_000_000))
                    .withOnError(policy.onError());
            BackendUnderTest store = testCase.store;
            List<CallRecorder.Held> held =
                    Stream.generate(CallRecorder.Held::new).limit(CALLERS).toList();
            List<RateLimitBackend> instances = IntStream.range(0, CALLERS)
                    .mapToObj(caller -> testCase.store.connect(testCase.clock))
                    .toList();
            Set<ExactModel> states = Set.of(ExactModel.empty(policy.rateLimits(), testCase.clock.micros()));
            for (int round = 0; round < ROUNDS; round++) {
                Policy present = round < ROUNDS / 2 ? policy : changed;
                long now = testCase.clock.micros();
                List<CallRecorder> recorders = IntStream.range(0, CALLERS)
                        .mapToObj(caller -> new CallRecorder(instances.get(caller), decision -> now, held.get(caller)))
                        .toList();
                List<Random> randoms = IntStream.range(0, CALLERS)
                        .mapToObj(caller -> new Random(random.nextLong()))
                        .toList();
                ConcurrentCallers.granted(CALLERS, caller -> {
                    for (int call = 0; call < CALLS; call++) {
                        call(recorders.get(caller), present, randoms.get(caller), store);
                    }
                    return 0;
                });
                List<List<RecordedCall>> calls =
                        recorders.stream().map(CallRecorder::calls).toList();
                Linearization linearization = new Linearization(now, calls);
                states = linearization.after(states);
                assertFalse(states.isEmpty(), linearization::stuck);
                testCase.clock.advance(random.nextLong(1, 3_000_000));
            }
        }
    }

    private static void call(CallRecorder recorder, Policy policy, Random random, BackendUnderTest store) {
        long permits = random.nextLong(1, 4);
        int choice = random.nextInt(20);
        if (store.keepsReservations() && random.nextInt(4) == 0) {
            if (random.nextBoolean()) {
                recorder.reserve(policy, permits, random.nextLong(1_000_000, 5_000_000));
            } else {
                recorder.settle(policy, random.nextLong(0, 6));
            }
        } else if (choice < 9) {
            recorder.acquire(policy, permits);
        } else if (choice < 12) {
            recorder.acquireBatch(policy, List.of(permits, 1L, 2L));
        } else if (choice < 14) {
            recorder.peek(policy, permits);
        } else if (choice < 16) {
            recorder.refund(policy, permits);
        } else if (choice < 18) {
            recorder.refundCharge(policy);
        } else if (choice == 18 && store.blocksKeys()) {
            recorder.block(policy, random.nextLong(1, 2_000_000));
        } else {
            recorder.reset(policy);
        }
    }
}
