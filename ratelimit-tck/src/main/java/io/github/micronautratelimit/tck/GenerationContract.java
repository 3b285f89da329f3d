package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.Test;

/** Another generation of a policy has a state of its own. What was taken under one generation is given back to it. */
interface GenerationContract extends Contract {

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    @AllLimitKinds
    default void newGenerationForgetsThePermitsOfAllKeys(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy first = testCase.policy(limits);
            Policy second = first.withGeneration(1_795_305_600);
            assertEquals(100, testCase.drain(first, "key", 200));
            assertEquals(40, testCase.drain(first, "other", 40));
            assertEquals(100, testCase.drain(second, "key", 200));
            assertEquals(100, testCase.drain(second, "other", 200));
            assertEquals(60, testCase.drain(first, "other", 200), "the other instances still use the first one");
            assertEquals(100, testCase.drain(second.withGeneration(1_795_305_601), "key", 200));
        }
    }

    @AllLimitKinds
    default void refundGivesPermitsBackToTheGenerationThatWasCharged(String limits) {
        try (TestCase testCase = newTestCase()) {
            Policy first = testCase.policy(limits);
            Policy second = first.withGeneration(2);
            PermitRequest request = new PermitRequest(first, "key", 100);
            Decisions before = testCase.limiter.tryAcquireAll(List.of(request));
            assertTrue(before.allowed());
            assertEquals(100, testCase.drain(second, "key", 200));
            get(testCase.limiter.async().refund(before));
            assertFalse(testCase.limiter.peek(second, "key", 1).allowed());
            assertTrue(testCase.limiter.peek(first, "key", 100).allowed());
        }
    }

    @Test
    default void severalPoliciesMayHaveSeveralGenerations() {
        try (TestCase testCase = newTestCase()) {
            Policy first = testCase.policy("3/h fixed");
            Policy other = testCase.policy("3/h fixed");
            testCase.drain(first, "key", 3);
            List<PermitRequest> requests =
                    List.of(new PermitRequest(first.withGeneration(5), "key", 3), new PermitRequest(other, "key", 3));
            assertTrue(testCase.limiter.tryAcquireAll(requests).allowed());
            assertFalse(testCase.limiter.tryAcquireAll(requests).allowed());
        }
    }

    @Test
    default void blockEndsWithTheGeneration() {
        try (TestCase testCase = newTestCase()) {
            if (testCase.store.blocksKeys()) {
                Policy policy = testCase.policy("3/h fixed");
                testCase.limiter.block(policy, "key", Duration.ofHours(1));
                assertTrue(testCase.limiter
                        .tryAcquire(policy.withGeneration(1), "key")
                        .allowed());
                assertFalse(testCase.limiter.tryAcquire(policy, "key").allowed());
            }
        }
    }

    /** The text of a charge and of a reservation outlives a reset, and says which counters it has charged. */
    @Test
    default void textsNameTheGeneration() {
        try (TestCase testCase = newTestCase()) {
            if (!testCase.store.keepsReservations()) {
                return;
            }
            Policy first = testCase.policy("10/h fixed");
            Policy second = first.withGeneration(3);
            Reservation reservation = get(testCase.limiter.async().reserve(first, "key", 4));
            PermitRequest request = new PermitRequest(first, "key", 5);
            Decision decision = testCase.limiter.tryAcquire(first, "key", 5);
            String charge = testCase.limiter
                    .async()
                    .charge(request, decision)
                    .orElseThrow()
                    .toString();
            assertEquals(10, testCase.drain(second, "key", 20));
            get(testCase.limiter.async().refund(testCase.limiter.async().readCharge(second, "key", charge)));
            get(testCase.limiter
                    .async()
                    .readReservation(second, "key", reservation.toString())
                    .settle(1));
            assertEquals(0, testCase.limiter.peek(second, "key", 0).remaining());
            assertEquals(9, testCase.limiter.peek(first, "key", 0).remaining());
        }
    }
}
