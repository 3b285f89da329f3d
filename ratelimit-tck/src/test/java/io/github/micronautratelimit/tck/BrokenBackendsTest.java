package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryUnderTest;
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

/** The suite detects errors: a backend that breaks one rule fails in the cases about that rule. */
class BrokenBackendsTest {

    /**
     * The error of the present test. It is static because the JUnit platform creates {@link Suite} and {@link Traces}.
     */
    private static volatile UnaryOperator<RateLimitBackend> breakage = correct -> correct;

    private static volatile long extraRoundTrips;

    /** Nested, so that only {@link #failures()} runs it. */
    static class Suite extends RateLimitBackendContract {

        @Override
        protected BackendUnderTest open() {
            return new Broken();
        }

        /** Left out: callers would wait half a minute, in real time, for permits that a broken backend never grants. */
        @Override
        public void callersThatWaitAreAllGrantedWithinTheLimit() {}
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
    List<DynamicTest> everyBrokenRuleIsDetected() {
        return List.of(
                broken("denies everything", DeniesAll::new, "callerWithinTheRateIsNeverDenied", "trace-000.csv"),
                broken(
                        "never denies",
                        NeverDenies::new,
                        "concurrentCallersGetExactlyTheCapacity",
                        "grantsAndDenialsMatchTheAdmissionLog",
                        "trace-000.csv"),
                broken("charges for denials", ChargesForDenials::new, "denialCostsNothing"),
                broken(
                        "returns a time 1 us too early",
                        correct -> new RetryOff(correct, -1),
                        "retryAfterIsTight",
                        "retryAfterIsTightAfterAnyHistory",
                        "trace-000.csv"),
                broken(
                        "returns a time 1 us too late",
                        correct -> new RetryOff(correct, 1),
                        "retryAfterIsTight",
                        "retryAfterIsTightAfterAnyHistory",
                        "trace-000.csv"),
                broken("keeps the limits it first saw", KeepsFirstLimits::new, "spentPermitsCarryOver"),
                broken(
                        "forgets keys whose limits change",
                        ForgetsOnChange::new,
                        "spentPermitsCarryOver",
                        "loweredBucketGrantsAgainAfterRefill"),
                broken(
                        "ignores the case of keys",
                        correct -> new MapsKeys(correct, key -> key.toLowerCase(Locale.ROOT)),
                        "everyTextIsADistinctKey"),
                broken(
                        "shortens long keys",
                        correct -> new MapsKeys(correct, key -> key.substring(0, Math.min(255, key.length()))),
                        "everyTextIsADistinctKey"),
                broken(
                        "confuses a key with its hash",
                        correct -> new MapsKeys(correct, key -> key.length() == 3 ? KeyHash.of(key) : key),
                        "everyTextIsADistinctKey"),
                broken("does not refund", LosesRefunds::new, "refundIsTheInverseOfAcquire"),
                broken("peeks by taking", PeeksByTaking::new, "peekChangesNothing"),
                broken("does not reset", LosesResets::new, "resetRemovesOneKey"));
    }

    @TestFactory
    List<DynamicTest> everyBrokenRuleOfBlocksAndBatchesIsDetected() {
        return List.of(
                broken(
                        "forgets blocks",
                        ForgetsBlocks::new,
                        "blockedKeyIsDeniedUntilTheBlockEnds",
                        "blockAppliesToAllCallersAtOnce",
                        "blockSurvivesAChangeOfLimits",
                        "latestEndOfSeveralBlocksCounts"),
                broken(
                        "blocks by spending",
                        BlocksBySpending::new,
                        "blockedKeyIsDeniedUntilTheBlockEnds",
                        "blockedKeyRefillsAsUsual"),
                broken(
                        "forgets spent permits when it blocks",
                        ForgetsOnBlock::new,
                        "blockedKeyRefillsAsUsual",
                        "blockSurvivesAChangeOfLimits"),
                broken("blocks other keys too", BlocksOtherKeys::new, "otherKeysAndPoliciesAreNotBlocked"),
                broken(
                        "decides in two steps",
                        RacesWithItself::new,
                        "concurrentCallersGetExactlyTheCapacity",
                        "concurrentCallsTakeEffectOneAfterTheOther"),
                broken(
                        "charges a part of a denied call",
                        ChargesPartOfDeniedCalls::new,
                        "deniedRequestChargesNoPolicy",
                        "everyRequestHasADecision"),
                broken("omits decisions after a denial", OmitsDecisions::new, "everyRequestHasADecision"));
    }

    @Test
    void extraRoundTripIsDetected() {
        breakage = correct -> correct;
        extraRoundTrips = 1;
        try {
            assertTrue(failures().contains("everyDecisionCostsTheSameRoundTrips"));
        } finally {
            extraRoundTrips = 0;
        }
    }

    @Test
    void correctBackendPasses() {
        breakage = correct -> correct;
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
                .configurationParameter("junit.jupiter.execution.parallel.mode.default", "concurrent")
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
                .filter(segment -> segment.getType().matches("method|test-template|test-factory|property"))
                .map(segment -> segment.getValue().replaceAll("\\(.*", ""))
                .findFirst()
                .orElseThrow();
    }

    private static final class DeniesAll extends BrokenBackend {

        DeniesAll(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return completed(new Decision.Denied(0, 1_000_000, 1_000_000, policy.rateLimits(), Decision.Source.STORE));
        }
    }

    private static final class NeverDenies extends BrokenBackend {

        NeverDenies(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision decision = join(delegate().acquire(policy, key, permits));
            return completed(
                    new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), decision.source()));
        }
    }

    private static final class ChargesForDenials extends BrokenBackend {

        ChargesForDenials(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision decision = join(delegate().acquire(policy, key, permits));
            if (!decision.allowed() && decision.remaining() > 0) {
                delegate().acquire(policy, key, 1);
            }
            return completed(decision);
        }
    }

    private static final class RetryOff extends BrokenBackend {

        private final long micros;

        RetryOff(RateLimitBackend correct, long micros) {
            super(correct);
            this.micros = micros;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return delegate()
                    .acquire(policy, key, permits)
                    .thenApply(decision -> decision.retryAfterMicros() <= 0
                            ? decision
                            : new Decision.Denied(
                                    decision.remaining(),
                                    decision.retryAfterMicros() + micros,
                                    decision.resetAfterMicros(),
                                    decision.deniedBy(),
                                    decision.source()));
        }
    }

    private static final class KeepsFirstLimits extends BrokenBackend {

        private final ConcurrentHashMap<String, Policy> seen = new ConcurrentHashMap<>();

        KeepsFirstLimits(RateLimitBackend correct) {
            super(correct);
        }

        private Policy first(Policy policy) {
            return seen.computeIfAbsent(policy.name(), name -> policy);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return delegate().acquire(first(policy), key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return delegate().peek(first(policy), key, permits);
        }
    }

    private static final class ForgetsOnChange extends BrokenBackend {

        private final ConcurrentHashMap<String, List<Limit>> seen = new ConcurrentHashMap<>();

        ForgetsOnChange(RateLimitBackend correct) {
            super(correct);
        }

        private void look(Policy policy, String key) {
            List<Limit> before = seen.put(policy.name() + key, policy.rateLimits());
            if (before != null && !before.equals(policy.rateLimits())) {
                delegate().reset(policy, key);
            }
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            look(policy, key);
            return delegate().acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            look(policy, key);
            return delegate().peek(policy, key, permits);
        }
    }

    private static final class MapsKeys extends BrokenBackend {

        private final UnaryOperator<String> map;

        MapsKeys(RateLimitBackend correct, UnaryOperator<String> map) {
            super(correct);
            this.map = map;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return delegate().acquire(policy, map.apply(key), permits);
        }
    }

    private static final class LosesRefunds extends BrokenBackend {

        LosesRefunds(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class PeeksByTaking extends BrokenBackend {

        PeeksByTaking(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return delegate().acquire(policy, key, permits);
        }
    }

    private static final class LosesResets extends BrokenBackend {

        LosesResets(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class ForgetsBlocks extends BrokenBackend {

        ForgetsBlocks(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return CompletableFuture.completedStage(null);
        }
    }

    private static final class BlocksBySpending extends BrokenBackend {

        BlocksBySpending(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return delegate().acquire(policy, key, policy.capacity()).thenApply(decision -> null);
        }
    }

    private static final class ForgetsOnBlock extends BrokenBackend {

        ForgetsOnBlock(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return delegate().reset(policy, key).thenCompose(done -> delegate().block(policy, key, micros));
        }
    }

    private static final class BlocksOtherKeys extends BrokenBackend {

        BlocksOtherKeys(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return delegate().block(policy, key, micros).thenCompose(done -> delegate()
                    .block(policy, "other", micros));
        }
    }

    /** Peeks before it acquires, and ignores requests in between. */
    private static final class RacesWithItself extends BrokenBackend {

        RacesWithItself(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            Decision predicted = join(delegate().peek(policy, key, permits));
            Thread.yield();
            Decision made = join(delegate().acquire(policy, key, permits));
            return completed(
                    predicted.allowed() && !made.allowed()
                            ? new Decision.Allowed(0, made.resetAfterMicros(), made.source())
                            : made);
        }
    }

    private static final class ChargesPartOfDeniedCalls extends BrokenBackend {

        ChargesPartOfDeniedCalls(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return CompletableFuture.completedStage(requests.stream()
                    .map(request -> join(delegate().acquire(request.policy(), request.key(), request.permits())))
                    .toList());
        }
    }

    private static final class OmitsDecisions extends BrokenBackend {

        OmitsDecisions(RateLimitBackend correct) {
            super(correct);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return super.acquireAll(requests).thenApply(decisions -> {
                List<Boolean> allowed =
                        decisions.stream().map(Decision::allowed).toList();
                int denied = allowed.indexOf(false);
                return denied < 0 ? decisions : decisions.subList(0, denied + 1);
            });
        }
    }
}
