package io.github.micronautratelimit.tck;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.hotkey.PermitSource;
import io.github.micronautratelimit.hotkey.PrefetchingBackend;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.memory.MemoryUnderTest;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * Prefetching changes no decision of a single instance at one instant, and no final state. Before a test reads the
 * state, all instances return their prefetched permits.
 *
 * <p>Some cases of the suite do not apply. Permits are charged when they are prefetched, so they come back earlier than
 * if they were charged when granted. If time passes between requests, decisions therefore differ by microseconds from
 * those of a store without prefetching. In any interval, up to the permits held at its begin are granted in addition.
 * {@code PrefetchAccountingTest} in the core checks the guarantees that hold instead.
 */
class PrefetchContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        List<Prefetching> all = new CopyOnWriteArrayList<>();
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                all.add(new Prefetching(super.connect(clock), clock, all));
                return all.get(all.size() - 1);
            }

            /** Prefetched permits are taken before the store is called for the rest. */
            @Override
            public boolean atomicAcrossKeys() {
                return false;
            }
        };
    }

    /** Does not apply: see the class comment. */
    @Override
    public void decidesLikeTheCore(History history) {}

    /** Does not apply: see the class comment. */
    @Override
    public void grantsAndDenialsMatchTheAdmissionLog(History history) {}

    /** Does not apply: see the class comment. */
    @Override
    public void decidesLikeTheCoreWithExtremeNumbers(LimitChangeScenario scenario) {}

    /** Does not apply: see the class comment. */
    @Override
    public void decisionsDoNotDrift() {}

    /** Does not apply: a refund returns to the permits that this instance holds, where others do not see it at once. */
    @Override
    public Stream<DynamicTest> concurrentCallsTakeEffectOneAfterTheOther() {
        return Stream.of();
    }

    /** Does not apply: see the class comment. */
    @Override
    public void refundIsTheInverseOfAcquire(History history) {}

    /** Does not apply: see the class comment. A changed limit also starts its own prefetching. */
    @Override
    public void reorderedLimitsKeepTheirState(String before, String after) {}

    /**
     * Does not apply: prefetched permits of a fixed window are lost when the window ends, but other limits of the
     * policy still count them.
     */
    @Override
    public void retryAfterIsTightAfterAnyHistory(History history) {}

    /** Does not apply: an instance may deny while another instance holds prefetched permits. */
    @Override
    public void concurrentCallersWithDifferentCostsGetExactlyTheCapacity(String limits) {}

    /** Does not apply: an instance may deny while another instance holds prefetched permits. */
    @Override
    public void concurrentCallersGetRefilledPermitsOnce(String limits) {}

    /** Does not apply: see the class comment. */
    @Override
    public void blockedKeyRefillsAsUsual(History history) {}

    /** Does not apply: a block discards the prefetched permits of its own instance; others may still grant theirs. */
    @Override
    public void requestsAfterTheBlockAreDenied(String limits) {}

    /** Does not apply: see the class comment. */
    @Override
    public void everyOperationDecidesLikeTheExactModel(long seed) {}

    /** Does not apply: an instance may deny while another instance holds prefetched permits. */
    @Override
    public void denialsOfAllInstancesBlockTheKey() {}

    /** Does not apply: permits that others return are free too. */
    @Override
    public void lateRefundTakesNoPermitsOfOthers(String limits, long seconds, long free) {}

    /** Does not apply: an instance may deny while another instance holds prefetched permits. */
    @Override
    public void concurrentRefundsAreExact() {}

    /** Does not apply: a prefetched permit is as old as its charge in the store. */
    @Override
    public void refundOnAContendedKeyGivesBackEverything() {}

    /** Does not apply: a prefetched permit is as old as its charge in the store. */
    @Override
    public void chargeIsGivenBackInItsOwnMonthOnly() {}

    /** Does not apply: see the class comment. */
    @Override
    public void everyOperationOnACalendarQuotaDecidesLikeTheExactModel(long seed) {}

    /** Does not apply: prefetched permits count as used. */
    @Override
    public void usageIsThatOfTheMemoryBackend(History history) {}

    /** Does not apply: grants of this test do not name the charge from which they were prefetched. */
    @Override
    public void deniedRequestIsNotChargedToCandidate() {}

    /** An instance that prefetches under every policy. */
    private static final class Prefetching extends ForwardingBackend {

        private static final long MAX_PREFETCH = 50;

        private final MicroClock clock;
        private final List<Prefetching> all;
        private volatile PrefetchingBackend prefetching;

        Prefetching(RateLimitBackend memory, MicroClock clock, List<Prefetching> all) {
            super(memory);
            this.clock = clock;
            this.all = all;
            this.prefetching = fresh();
        }

        private PrefetchingBackend fresh() {
            return new PrefetchingBackend(delegate(), new Source(delegate()), clock);
        }

        /** A drained backend prefetches no more, so a fresh one replaces it. */
        private void returnPrefetched() {
            PrefetchingBackend before = prefetching;
            prefetching = fresh();
            before.drain();
        }

        /** The counter of denials is a policy that never prefetches, because it has to be exact. */
        private static Policy prefetched(Policy policy) {
            return policy.name().endsWith(":denials") ? policy : policy.withMaxPrefetch(MAX_PREFETCH);
        }

        /** The suite expects the source of a store. */
        private static Decision fromStore(Decision decision) {
            return decision.source() == Decision.Source.PREFETCHED
                    ? new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.STORE)
                    : decision;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return prefetching.acquire(prefetched(policy), key, permits).thenApply(Prefetching::fromStore);
        }

        @Override
        public Decision acquireBlocking(Policy policy, String key, long permits) {
            return fromStore(prefetching.acquireBlocking(prefetched(policy), key, permits));
        }

        @Override
        public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
            return prefetching.acquireBatch(prefetched(policy), key, permits).thenApply(decisions -> decisions.stream()
                    .map(Prefetching::fromStore)
                    .toList());
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            return prefetching
                    .acquireAll(requests.stream()
                            .map(request ->
                                    new PermitRequest(prefetched(request.policy()), request.key(), request.permits()))
                            .toList())
                    .thenApply(decisions ->
                            decisions.stream().map(Prefetching::fromStore).toList());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            all.forEach(Prefetching::returnPrefetched);
            return prefetching.peek(prefetched(policy), key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return prefetching.refund(prefetched(policy), key, permits, LimitState.LATEST);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return prefetching.block(prefetched(policy), key, micros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return prefetching.reset(prefetched(policy), key);
        }
    }

    /** Takes and refunds prefetched permits. The memory is always available. */
    private record Source(RateLimitBackend memory) implements PermitSource {

        @Override
        public boolean isAvailable(Policy policy, String key) {
            return true;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return memory.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
            return memory.refund(policy, key, permits, chargedAtMicros);
        }
    }
}
