package io.github.micronautratelimit.hazelcast;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.StateCodec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
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
        BLOCK,
        RESERVE,
        SETTLE
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
     * @param amounts the permits of each request in their order; for a block, its duration in microseconds; for a
     *                refund, the permits and the instant of their charge; for reservations see {@link #reserve} and
     *                {@link #settle}
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
                    stored == null
                            ? null
                            : StateWriter.of(version(), state.refund(amounts.get(0), amounts.get(1)), nowMicros));
            case BLOCK -> new Outcome(
                    List.of(), StateWriter.of(version(), state.blockedUntil(nowMicros + amounts.get(0)), nowMicros));
            case RESERVE -> reserve(state, nowMicros);
            case SETTLE -> settle(state, nowMicros);
        };
    }

    /** Creates the amounts of a reservation. */
    static List<Long> reservation(UUID id, long permits, long ttlMicros, ReservationRules rules) {
        return List.of(
                id.getMostSignificantBits(),
                id.getLeastSignificantBits(),
                permits,
                ttlMicros,
                (long) rules.maxOpen(),
                rules.refundedAtExpiry() ? 1L : 0L);
    }

    private Outcome reserve(LimitState state, long nowMicros) {
        var rules = new ReservationRules(amounts.get(4).intValue(), ReservationRules.CAPACITY, amounts.get(5) == 1);
        var step = Reservation.reserve(state, id(), amounts.get(2), amounts.get(3), rules, nowMicros);
        return new Outcome(List.of(step.answer()), change(step.next(), nowMicros));
    }

    /** Creates the amounts of a settlement. */
    static List<Long> settlement(Reservation.Receipt receipt, long actual, ReservationRules rules) {
        return List.of(
                receipt.id().getMostSignificantBits(),
                receipt.id().getLeastSignificantBits(),
                actual,
                receipt.permits(),
                receipt.expiresAtMicros(),
                rules.maxDebt(),
                rules.refundedAtExpiry() ? 1L : 0L);
    }

    /** Answers with two decisions: the remaining permits of the first are the number of the outcome. */
    private Outcome settle(LimitState state, long nowMicros) {
        var rules = new ReservationRules(ReservationRules.MOST_OPEN, amounts.get(5), amounts.get(6) == 1);
        var receipt = new Reservation.Receipt(id(), amounts.get(3), 0, amounts.get(4));
        var step = Reservation.settle(state, receipt, amounts.get(2), rules, nowMicros);
        Decision outcome = new Decision.Allowed(step.answer().outcome().ordinal(), 0, Decision.Source.STORE);
        return new Outcome(List.of(outcome, step.answer().after()), change(step.next(), nowMicros));
    }

    /** Reads the answer to a settlement. */
    static Reservation.Settlement settled(List<Decision> answer) {
        return new Reservation.Settlement(
                Reservation.Outcome.values()[(int) answer.get(0).remaining()], answer.get(1));
    }

    private UUID id() {
        return new UUID(amounts.get(0), amounts.get(1));
    }

    private @Nullable StateWriter change(@Nullable LimitState next, long nowMicros) {
        return next == null ? null : StateWriter.of(version(), next, nowMicros);
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
        long reserved = kind == Kind.RESERVE ? amounts.get(3) : 0;
        return StateWriter.lifeMillis(Math.max(untilReset, reserved)) + period / 1_000;
    }

    @Override
    int oldestVersion() {
        return limits.stream().anyMatch(limit -> limit instanceof FixedWindow window && window.calendar() != null)
                ? RateLimitProtocol.CALENDAR_VERSION
                : 1;
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
