package io.github.micronautratelimit.tck;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryUnderTest;

/**
 * Taking ahead changes no decision of an instance that is alone at one instant, and in the end nothing that is remembered:
 * whoever looks here has all instances give back first.
 *
 * <p>What cannot hold, and is not tested: permits that are charged now and granted later come back earlier than if they had
 * been charged then. Where time passes between requests of a key, numbers to the microsecond therefore differ from those of
 * a store that is asked each time, and over a stretch of time as many more are granted as were held when it began.
 * {@code LeaseBooksTest} in the core tells what holds instead.
 */
class LeasedContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        List<Leased> all = new CopyOnWriteArrayList<>();
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                all.add(new Leased(super.connect(clock), clock, all));
                return all.get(all.size() - 1);
            }

            /** What is held is taken before the rest is asked for. */
            @Override
            public boolean atomicAcrossKeys() {
                return false;
            }
        };
    }

    /** Cannot hold: see above. */
    @Override
    public void decidesAsTheCoresOwnArithmetic(History history) {
    }

    /** Cannot hold: see above. */
    @Override
    public void grantsAndDenialsAreJustifiedByTheLogOfGrants(History history) {
    }

    /** Cannot hold: see above. */
    @Override
    public void decidesAsTheCoreWithOddNumbers(OddNumbers odd) {
    }

    /** Cannot hold: see above. */
    @Override
    public void nothingDrifts() {
    }

    /** Cannot hold: see above. */
    @Override
    public void givingBackIsTheInverseOfTaking(History history) {
    }

    /** Cannot hold: see above; a changed limit also begins a lease of its own. */
    @Override
    public void reorderedLimitsCarryOn(String before, String after) {
    }

    /** Cannot hold: what is held when a fixed window ends is lost, and other limits of the policy go on counting it. */
    @Override
    public void retryAfterIsTightAfterAnyHistory(History history) {
    }

    /** Cannot hold: while they ask, one may be denied what another one holds. */
    @Override
    public void aCrowdOfDifferentCostsIsGrantedExactlyWhatIsThere(String limits) {
    }

    /** Cannot hold: see the one before. */
    @Override
    public void aCrowdIsGrantedExactlyWhatComesBack(String limits) {
    }

    /** Cannot hold: see above. */
    @Override
    public void whatIsSpentStaysSpentAndComesBackMeanwhile(History history) {
    }

    /** Cannot hold: a block ends what is held where it is made; other instances may grant what they hold. */
    @Override
    public void whoAsksAfterwardsIsDenied(String limits) {
    }

    /** Under policies that all lease. */
    private static final class Leased implements RateLimitBackend {

        private final RateLimitBackend memory;
        private final MicroClock clock;
        private final List<Leased> all;
        private volatile PermitLeases leases;

        Leased(RateLimitBackend memory, MicroClock clock, List<Leased> all) {
            this.memory = memory;
            this.clock = clock;
            this.all = all;
            this.leases = fresh();
        }

        private PermitLeases fresh() {
            return new PermitLeases(new Guard(memory, "memory", Duration.ofMinutes(1), 1, clock, List.of()), clock);
        }

        private void giveBack() {
            PermitLeases before = leases;
            leases = fresh();
            before.drain();
        }

        private static Policy leased(Policy policy) {
            return policy.withMaxLease(50);
        }

        private static Decision plain(Decision decision) {
            return decision.source() == Decision.Source.LEASE
                    ? new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.STORE) : decision;
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return leases.acquire(leased(policy), key, permits).thenApply(Leased::plain);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            return leases.acquireAll(asks.stream().map(ask -> new Ask(leased(ask.policy()), ask.key(), ask.permits())).toList())
                    .thenApply(decisions -> decisions.stream().map(Leased::plain).toList());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            all.forEach(Leased::giveBack);
            return leases.peek(leased(policy), key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return leases.refund(leased(policy), key, permits);
        }

        @Override
        public CompletionStage<Void> block(Policy policy, String key, long micros) {
            return leases.block(leased(policy), key, micros);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return leases.reset(leased(policy), key);
        }
    }
}
