package io.github.micronautratelimit.limit;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** The states of several limits as one: either all of them grant and are charged, or none is charged. */
final class CompositeState extends LimitState {

    private final List<SingleLimitState> parts;

    private CompositeState(List<SingleLimitState> parts) {
        this.parts = parts;
    }

    /** Combines the states of one or more limits; a single state stays as it is. */
    static LimitState whole(List<SingleLimitState> parts) {
        return parts.size() == 1 ? parts.get(0) : new CompositeState(parts);
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
    public LimitState chargeBeyond(long permits, long maxDebt) {
        return each(part -> part.chargeBeyond(permits, maxDebt));
    }

    @Override
    public LimitState refund(long permits, long chargedAtMicros) {
        return each(part -> part.refund(permits, chargedAtMicros));
    }

    private LimitState each(UnaryOperator<SingleLimitState> change) {
        List<SingleLimitState> changed = new ArrayList<>(parts.size());
        for (SingleLimitState part : parts) {
            changed.add(change.apply(part));
        }
        return new CompositeState(changed);
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
                if (after == NEVER) {
                    return NEVER;
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
    public long expiresAfter(long nowMicros) {
        long latest = 0;
        for (LimitState part : parts) {
            latest = Math.max(latest, part.expiresAfter(nowMicros));
        }
        return latest;
    }

    @Override
    public List<Limit> deniedBy(long permits) {
        List<Limit> denied = new ArrayList<>(parts.size());
        for (LimitState part : parts) {
            denied.addAll(part.deniedBy(permits));
        }
        return List.copyOf(denied);
    }

    @Override
    List<SingleLimitState> parts() {
        return parts;
    }
}
