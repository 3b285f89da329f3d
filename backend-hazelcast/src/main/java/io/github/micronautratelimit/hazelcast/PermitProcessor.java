package io.github.micronautratelimit.hazelcast;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.StateCodec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Executes an operation on the permits of a key.
 *
 * <p>The serialized form is the kind, the limits, and the number of amounts and the amounts.
 */
final class PermitProcessor extends KeyProcessor {

    private static final long serialVersionUID = 1L;

    /** The operations. */
    enum Kind {
        ACQUIRE,
        PEEK,
        REFUND,
        BLOCK
    }

    private transient Kind kind = Kind.PEEK;
    private transient List<Limit> limits = List.of();
    private transient List<Long> amounts = List.of();

    /** Creates a processor to deserialize. */
    PermitProcessor() {}

    /**
     * Creates a processor.
     *
     * @param kind    the operation
     * @param limits  the rate limits of the policy
     * @param amounts the permits of each request in their order; for a block, its duration in microseconds
     * @param clock   decides instead of the clock of the cluster, for tests; or {@code null}
     */
    PermitProcessor(Kind kind, List<Limit> limits, List<Long> amounts, @Nullable MicroClock clock) {
        super(clock);
        this.kind = kind;
        this.limits = limits;
        this.amounts = amounts;
    }

    @Override
    Outcome apply(byte @Nullable [] stored, long nowMicros) {
        LimitState state =
                LimitState.carryOver(limits, stored == null ? null : StateCodec.readState(stored), nowMicros);
        return switch (kind) {
            case ACQUIRE -> acquire(state, nowMicros);
            case PEEK -> new Outcome(
                    amounts.stream()
                            .map(permits -> Decision.peek(state, permits, nowMicros))
                            .toList(),
                    null);
            case REFUND -> new Outcome(
                    List.of(),
                    stored == null ? null : StateWriter.of(version(), state.refund(amounts.get(0)), nowMicros));
            case BLOCK -> new Outcome(
                    List.of(), StateWriter.of(version(), state.blockedUntil(nowMicros + amounts.get(0)), nowMicros));
        };
    }

    private Outcome acquire(LimitState before, long nowMicros) {
        LimitState state = before;
        List<Decision> decisions = new ArrayList<>(amounts.size());
        for (long permits : amounts) {
            if (permits > 0 && state.admits(permits)) {
                state = state.charge(permits);
                decisions.add(Decision.allowed(state, nowMicros));
            } else {
                decisions.add(Decision.peek(state, permits, nowMicros));
            }
        }
        return new Outcome(decisions, state == before ? null : StateWriter.of(version(), state, nowMicros));
    }

    @Override
    long maxLifeMillis(long nowMicros) {
        long untilReset = 0;
        long period = 0;
        for (Limit limit : limits) {
            LimitState spent = limit.stateAt(null, nowMicros).charge(limit.capacity());
            untilReset = Math.max(untilReset, spent.resetAfter(nowMicros));
            period = Math.max(period, limit.periodMicros());
        }
        return StateWriter.lifeMillis(untilReset) + period / 1_000;
    }

    @Override
    List<Limit> limits() {
        return limits;
    }

    @Override
    public int getClassId() {
        return RateLimitProtocol.PERMIT_PROCESSOR_ID;
    }

    @Override
    void write(ObjectDataOutput out) throws IOException {
        out.writeByte(kind.ordinal());
        out.writeByteArray(StateCodec.write(limits));
        out.writeInt(amounts.size());
        for (long amount : amounts) {
            out.writeLong(amount);
        }
    }

    @Override
    void read(ObjectDataInput in) throws IOException {
        kind = readKind(in, Kind.values());
        byte[] written = in.readByteArray();
        limits = StateCodec.readLimits(written == null ? new byte[0] : written);
        List<Long> read = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            read.add(in.readLong());
        }
        amounts = read;
    }
}
