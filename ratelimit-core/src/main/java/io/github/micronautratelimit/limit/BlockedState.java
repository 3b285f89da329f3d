package io.github.micronautratelimit.limit;

import java.util.List;

/** A blocked state: permits come back and are refunded as usual, but none are granted before an instant. */
final class BlockedState extends LimitState {

    private final LimitState unblocked;
    private final long until;

    BlockedState(LimitState unblocked, long until) {
        this.unblocked = unblocked;
        this.until = until;
    }

    @Override
    public boolean admits(long permits) {
        return permits == 0;
    }

    @Override
    public LimitState charge(long permits) {
        return new BlockedState(unblocked.charge(permits), until);
    }

    @Override
    public LimitState chargeBeyond(long permits, long maxDebt) {
        return new BlockedState(unblocked.chargeBeyond(permits, maxDebt), until);
    }

    @Override
    public LimitState refund(long permits, long chargedAtMicros) {
        return new BlockedState(unblocked.refund(permits, chargedAtMicros), until);
    }

    @Override
    public long remaining() {
        return 0;
    }

    @Override
    public long retryAfter(long permits, long nowMicros) {
        long rest = until - nowMicros;
        if (unblocked.admits(permits)) {
            return rest;
        }
        long after = unblocked.retryAfter(permits, nowMicros);
        return after == NEVER ? after : Math.max(rest, after);
    }

    @Override
    public long resetAfter(long nowMicros) {
        return Math.max(until - nowMicros, unblocked.resetAfter(nowMicros));
    }

    @Override
    public long expiresAfter(long nowMicros) {
        return Math.max(until - nowMicros, unblocked.expiresAfter(nowMicros));
    }

    /** A block denies by all limits. */
    @Override
    public List<Limit> deniedBy(long permits) {
        return admits(permits)
                ? List.of()
                : parts().stream().map(SingleLimitState::limit).toList();
    }

    @Override
    List<SingleLimitState> parts() {
        return unblocked.parts();
    }

    @Override
    LimitState unblocked() {
        return unblocked;
    }

    @Override
    long blockedUntil() {
        return until;
    }
}
