package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import io.github.micronautratelimit.memory.MemoryBackend;

/** Decides by the policies' {@link OnError} alone, without a store. */
final class Fallback {

    /** Whether what is granted here is to be charged to the store later. */
    enum Charge {
        LATER,
        /** The store may have charged it, or never will. */
        NOT
    }

    /** How long to wait where nothing better is known: by then the store has been tried again. */
    private static final long WAIT_MICROS = 1_000_000;

    private final MemoryBackend local;
    private final LeaseBackend leases;
    private final Debts debts;
    private final int instances;
    private final Map<Policy, Share> shares = new ConcurrentHashMap<>();

    Fallback(MicroClock clock, int instances, Debts debts) {
        this.local = new MemoryBackend(clock, MemoryBackend.defaultMaxKeys());
        this.leases = new LeasesWithoutStore(local.leases(), instances);
        this.debts = debts;
        this.instances = instances;
    }

    Decision acquire(Policy policy, String key, long permits, Charge charge) {
        if (policy.onError() != OnError.LOCAL) {
            return withoutCounting(policy);
        }
        Share share = shareOf(policy);
        Decision decision = local.acquireBlocking(share.policy(), key, permits);
        return decided(new Ask(policy, key, permits), share, decision, charge);
    }

    /** All or nothing among those that decide here. */
    List<Decision> acquireAll(List<Ask> asks, Charge charge) {
        boolean closed = asks.stream().anyMatch(ask -> ask.policy().onError() == OnError.CLOSED);
        List<Ask> counted = new ArrayList<>();
        for (Ask ask : asks) {
            if (!closed && ask.policy().onError() == OnError.LOCAL) {
                counted.add(new Ask(shareOf(ask.policy()).policy(), ask.key(), ask.permits()));
            }
        }
        List<Decision> made = local.acquireAll(counted).join();
        boolean granted = made.stream().allMatch(Decision::allowed);
        int next = 0;
        List<Decision> decisions = new ArrayList<>(asks.size());
        for (Ask ask : asks) {
            decisions.add(closed || ask.policy().onError() != OnError.LOCAL
                    ? withoutCounting(ask.policy())
                    : decided(ask, shareOf(ask.policy()), made.get(next++), granted ? charge : Charge.NOT));
        }
        return decisions;
    }

    Decision peek(Policy policy, String key, long permits) {
        if (policy.onError() != OnError.LOCAL) {
            return withoutCounting(policy);
        }
        Share share = shareOf(policy);
        return decided(new Ask(policy, key, permits), share, local.peek(share.policy(), key, permits).join(),
                Charge.NOT);
    }

    void refund(Policy policy, String key, long permits) {
        local.refund(shareOf(policy).policy(), key, permits);
        debts.giveBack(policy, key, permits);
    }

    void reset(Policy policy, String key) {
        local.reset(policy, key);
        debts.forget(policy, key);
    }

    LeaseBackend leases() {
        return leases;
    }

    private Share shareOf(Policy policy) {
        Share share = shares.get(policy);
        return share != null ? share : shares.computeIfAbsent(policy, whole -> new Share(whole, instances));
    }

    static Decision withoutCounting(Policy policy) {
        return policy.onError() == OnError.CLOSED
                ? new Decision.Denied(0, WAIT_MICROS, WAIT_MICROS, List.of(), Decision.Source.FALLBACK)
                : new Decision.Allowed(policy.capacity(), 0, Decision.Source.FALLBACK);
    }

    private Decision decided(Ask ask, Share share, Decision decision, Charge charge) {
        if (decision.allowed()) {
            if (charge == Charge.LATER && ask.permits() > 0) {
                debts.owe(ask.policy(), ask.key(), ask.permits());
            }
            return new Decision.Allowed(decision.remaining(), decision.resetAfterMicros(), Decision.Source.FALLBACK);
        }
        // More than this share can ever grant may still pass when the store is back.
        boolean tooMuchOnlyHere = decision.retryAfterMicros() == Decision.NEVER
                && ask.permits() <= ask.policy().capacity();
        return new Decision.Denied(decision.remaining(), tooMuchOnlyHere ? WAIT_MICROS : decision.retryAfterMicros(),
                decision.resetAfterMicros(), share.deniedBy(decision), Decision.Source.FALLBACK);
    }
}
