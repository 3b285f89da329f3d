package io.github.micronautratelimit;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** The states of a policy's several limits as one: all of them grant, or none is charged. */
final class SeveralStates extends LimitState {

    private final List<SingleState> parts;

    private SeveralStates(List<SingleState> parts) {
        this.parts = parts;
    }

    /** The states of one or more limits; that of one alone is the whole. */
    static LimitState whole(List<SingleState> parts) {
        return parts.size() == 1 ? parts.get(0) : new SeveralStates(parts);
    }

    @Override
    public boolean admits(long permits) {
        for (LimitState part : parts) {
            if (!part.admits(permits)) {
                return false;
            }
        }
        return true;
    }

    @Override
    public LimitState charge(long permits) {
        return each(part -> part.charge(permits));
    }

    @Override
    public LimitState refund(long permits) {
        return each(part -> part.refund(permits));
    }

    private LimitState each(UnaryOperator<SingleState> change) {
        List<SingleState> changed = new ArrayList<>(parts.size());
        for (SingleState part : parts) {
            changed.add(change.apply(part));
        }
        return new SeveralStates(changed);
    }

    @Override
    public long remaining() {
        long least = Long.MAX_VALUE;
        for (LimitState part : parts) {
            least = Math.min(least, part.remaining());
        }
        return least;
    }

    @Override
    public long retryAfter(long permits, long nowMicros) {
        long latest = 0;
        for (LimitState part : parts) {
            if (!part.admits(permits)) {
                long after = part.retryAfter(permits, nowMicros);
                if (after == Decision.NEVER) {
                    return Decision.NEVER;
                }
                latest = Math.max(latest, after);
            }
        }
        return latest;
    }

    @Override
    public long resetAfter(long nowMicros) {
        long latest = 0;
        for (LimitState part : parts) {
            latest = Math.max(latest, part.resetAfter(nowMicros));
        }
        return latest;
    }

    @Override
    List<Limit> deniedBy(long permits) {
        List<Limit> denied = new ArrayList<>(parts.size());
        for (LimitState part : parts) {
            denied.addAll(part.deniedBy(permits));
        }
        return List.copyOf(denied);
    }

    @Override
    List<SingleState> parts() {
        return parts;
    }
}
