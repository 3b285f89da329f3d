package io.github.micronautratelimit.memory;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitLeases;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

/** Taking ahead changes no decision. */
class LeasedContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new MemoryUnderTest() {

            @Override
            public RateLimitBackend connect(MicroClock clock) {
                return new Leased(new PermitLeases(new Guard(super.connect(clock), "memory", Duration.ofMinutes(1), 1, clock,
                        List.of()), clock));
            }
        };
    }

    /** Every policy is one that leases. */
    private record Leased(PermitLeases leases) implements RateLimitBackend {

        private static Policy leased(Policy policy) {
            return policy.withMaxLease(50);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            return leases.acquire(leased(policy), key, permits).thenApply(Leased::plain);
        }

        private static Decision plain(Decision decision) {
            return decision.source() == Decision.Source.LEASE
                    ? new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.STORE) : decision;
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
            return leases.acquireAll(asks.stream().map(ask -> new Ask(leased(ask.policy()), ask.key(), ask.permits())).toList())
                    .thenApply(decisions -> decisions.stream().map(Leased::plain).toList());
        }

        @Override
        public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
            return leases.peek(leased(policy), key, permits);
        }

        @Override
        public CompletionStage<Void> refund(Policy policy, String key, long permits) {
            return leases.refund(leased(policy), key, permits);
        }

        @Override
        public CompletionStage<Void> reset(Policy policy, String key) {
            return leases.reset(leased(policy), key);
        }
    }
}
