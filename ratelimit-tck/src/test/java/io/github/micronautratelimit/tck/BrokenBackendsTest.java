package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.UnaryOperator;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryUnderTest;

/** A suite that cannot fail proves nothing: backends that break one rule each fail in the cases about that rule. */
class BrokenBackendsTest {

    /** What {@link Suite} and {@link Traces} open; the platform makes them, so it cannot be handed over. */
    private static volatile UnaryOperator<RateLimitBackend> breakage = right -> right;
    private static volatile long extraRoundTrips;

    /** Nested, so that a build does not find it; run by {@link #failures()} alone. */
    static class Suite extends RateLimitBackendContract {

        @Override
        protected BackendUnderTest open() {
            return new Broken();
        }
    }

    static class Traces extends GoldenTraceContract {

        @Override
        protected BackendUnderTest open() {
            return new Broken();
        }
    }

    private static final class Broken extends MemoryUnderTest {

        private final AtomicLong roundTrips = new AtomicLong();

        @Override
        public RateLimitBackend connect(MicroClock clock) {
            return breakage.apply(new BrokenBackend(super.connect(clock)) {

                @Override
                public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                    roundTrips.addAndGet(extraRoundTrips);
                    return super.acquire(policy, key, permits);
                }
            });
        }

        @Override
        public long roundTrips() {
            return roundTrips.get();
        }
    }

    @TestFactory
    List<DynamicTest> eachBrokenRuleIsFound() {
        return List.of(
                broken("denies everything", DeniesAll::new, "whoKeepsToTheRateIsNeverDenied", "trace-000.csv"),
                broken("never denies", NeverDenies::new, "aCrowdIsGrantedExactlyWhatIsThere",
                        "grantsAndDenialsAreJustifiedByTheLogOfGrants", "trace-000.csv"),
                broken("charges for denials", ChargesForDenials::new, "aDenialCostsNothing"),
                broken("names a time 1 us too early", right -> new RetryOff(right, -1), "retryAfterIsTight",
                        "retryAfterIsTightAfterAnyHistory", "trace-000.csv"),
                broken("names a time 1 us too late", right -> new RetryOff(right, 1), "retryAfterIsTight",
                        "retryAfterIsTightAfterAnyHistory", "trace-000.csv"),
                broken("keeps the limits it first saw", KeepsFirstLimits::new, "whatWasSpentCarriesOver"),
                broken("forgets keys whose limits change", ForgetsOnChange::new, "whatWasSpentCarriesOver",
                        "aLoweredBucketGrantsAgainWhenEnoughIsRepaid"),
                broken("ignores the case of keys", right -> new MapsKeys(right, key -> key.toLowerCase(Locale.ROOT)),
                        "everyTextIsAKeyOfItsOwn"),
                broken("shortens long keys", right -> new MapsKeys(right,
                        key -> key.substring(0, Math.min(255, key.length()))), "everyTextIsAKeyOfItsOwn"),
                broken("takes a key for its hash", right -> new MapsKeys(right,
                        key -> key.length() == 3 ? KeyHash.of(key) : key), "everyTextIsAKeyOfItsOwn"),
                broken("does not refund", LosesRefunds::new, "givingBackIsTheInverseOfTaking"),
                broken("peeks by taking", PeeksByTaking::new, "aLookChangesNothing"),
                broken("does not reset", LosesResets::new, "resetForgetsOneKey"),
                broken("forgets blocks", ForgetsBlocks::new, "aBlockedKeyIsDeniedUntilTheTimeIsOver",
                        "everyCallerIsDeniedAtOnce", "aBlockSurvivesAChangeOfLimits", "theBlockThatEndsLastCounts"),
                broken("blocks by spending", BlocksBySpending::new, "aBlockedKeyIsDeniedUntilTheTimeIsOver",
                        "whatIsSpentStaysSpentAndComesBackMeanwhile"),
                broken("forgets what was spent when it blocks", ForgetsOnBlock::new,
                        "whatIsSpentStaysSpentAndComesBackMeanwhile", "aBlockSurvivesAChangeOfLimits"),
                broken("blocks everybody", BlocksEverybody::new, "nobodyElseIsBlocked"),
                broken("reads, waits and writes", RacesWithItself::new, "aCrowdIsGrantedExactlyWhatIsThere"),
                broken("gives nothing back", GivesNothingBack::new, "aDeniedRequestCostsNoOtherLimitAnything"));
    }

    @Test
    void aMissingRoundTripIsFound() {
        breakage = right -> right;
        extraRoundTrips = 1;
        try {
            assertTrue(failures().contains("everyPathCostsAsMuch"));
        } finally {
            extraRoundTrips = 0;
        }
    }

    @Test
    void theUnbrokenBackendPasses() {
        breakage = right -> right;
        assertEquals(Set.of(), failures());
    }

    private static DynamicTest broken(String name, UnaryOperator<RateLimitBackend> how, String... failing) {
        return DynamicTest.dynamicTest(name, () -> {
            breakage = how;
            Set<String> failures = failures();
            assertTrue(failures.containsAll(Set.of(failing)), () -> "Failed: " + failures);
        });
    }

    /** The names of the failing methods of the suite and of the failing traces. */
    private static Set<String> failures() {
        Set<String> failed = ConcurrentHashMap.newKeySet();
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectClass(Suite.class), selectClass(Traces.class))
                .configurationParameter("jqwik.shrinking.default", "OFF")
                .configurationParameter("jqwik.reporting.usejunitplatform", "true")
                .build();
        LauncherFactory.create().execute(request, new TestExecutionListener() {

            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (test.isTest() && result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                    failed.add(test.getDisplayName().endsWith(".csv") ? test.getDisplayName() : methodOf(test));
                }
            }
        });
        return failed;
    }

    private static String methodOf(TestIdentifier test) {
        return test.getUniqueIdObject().getSegments().stream()
                .filter(segment -> segment.getType().matches("method|test-template|property"))
                .map(segment -> segment.getValue().replaceAll("\\(.*", ""))
                .findFirst().orElseThrow();
    }

    private static final class DeniesAll extends BrokenBackend {

        DeniesAll(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return completed(new Decision.Denied(0, 1_000_000, 1_000_000, policy.limits(), Decision.Source.STORE));
        }
    }

    private static final class NeverDenies extends BrokenBackend {

        NeverDenies(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision decision = decided(right.acquire(policy, key, permits));
            return completed(
                    new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), decision.source()));
        }
    }

    private static final class ChargesForDenials extends BrokenBackend {

        ChargesForDenials(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision decision = decided(right.acquire(policy, key, permits));
            if (!decision.allowed() && decision.remaining() > 0) {
                right.acquire(policy, key, 1);
            }
            return completed(decision);
        }
    }

    private static final class RetryOff extends BrokenBackend {

        private final long micros;

        RetryOff(RateLimitBackend right, long micros) {
            super(right);
            this.micros = micros;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return right.acquire(policy, key, permits).thenApply(decision -> decision.retryAfterMicros() <= 0
                    ? decision : new Decision.Denied(decision.remaining(), decision.retryAfterMicros() + micros,
                            decision.resetAfterMicros(), decision.deniedBy(), decision.source()));
        }
    }

    private static final class KeepsFirstLimits extends BrokenBackend {

        private final ConcurrentHashMap<String, Policy> seen = new ConcurrentHashMap<>();

        KeepsFirstLimits(RateLimitBackend right) {
            super(right);
        }

        private Policy first(Policy policy) {
            return seen.computeIfAbsent(policy.name(), name -> policy);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return right.acquire(first(policy), key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return right.peek(first(policy), key, permits);
        }
    }

    private static final class ForgetsOnChange extends BrokenBackend {

        private final ConcurrentHashMap<String, List<Limit>> seen = new ConcurrentHashMap<>();

        ForgetsOnChange(RateLimitBackend right) {
            super(right);
        }

        private void look(Policy policy, String key) {
            List<Limit> before = seen.put(policy.name() + key, policy.limits());
            if (before != null && !before.equals(policy.limits())) {
                right.reset(policy, key);
            }
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            look(policy, key);
            return right.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            look(policy, key);
            return right.peek(policy, key, permits);
        }
    }

    private static final class MapsKeys extends BrokenBackend {

        private final UnaryOperator<String> map;

        MapsKeys(RateLimitBackend right, UnaryOperator<String> map) {
            super(right);
            this.map = map;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return right.acquire(policy, map.apply(key), permits);
        }
    }

    private static final class LosesRefunds extends BrokenBackend {

        LosesRefunds(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class PeeksByTaking extends BrokenBackend {

        PeeksByTaking(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return right.acquire(policy, key, permits);
        }
    }

    private static final class LosesResets extends BrokenBackend {

        LosesResets(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class ForgetsBlocks extends BrokenBackend {

        ForgetsBlocks(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class BlocksBySpending extends BrokenBackend {

        BlocksBySpending(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return right.acquire(policy, key, policy.capacity()).thenApply(decision -> null);
        }
    }

    private static final class ForgetsOnBlock extends BrokenBackend {

        ForgetsOnBlock(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return right.reset(policy, key).thenCompose(done -> right.block(policy, key, micros));
        }
    }

    private static final class BlocksEverybody extends BrokenBackend {

        BlocksEverybody(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return right.block(policy, key, micros).thenCompose(done -> right.block(policy, "other", micros));
        }
    }

    /** Looks first and takes later, as if nobody else could come in between. */
    private static final class RacesWithItself extends BrokenBackend {

        RacesWithItself(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision foretold = decided(right.peek(policy, key, permits));
            Thread.yield();
            Decision made = decided(right.acquire(policy, key, permits));
            return completed(foretold.allowed() && !made.allowed()
                    ? new Decision.Allowed(0, made.resetAfterMicros(), made.source()) : made);
        }
    }

    private static final class GivesNothingBack extends BrokenBackend {

        GivesNothingBack(RateLimitBackend right) {
            super(right);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            return CompletableFuture.completedStage(asks.stream()
                    .map(ask -> decided(right.acquire(ask.policy(), ask.key(), ask.permits()))).toList());
        }
    }
}
