package io.github.micronautratelimit.hazelcast;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.SlotState;
import io.github.micronautratelimit.limit.StateCodec;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Executes an operation on the slots of a key. Its time grows with the number of holders: some microseconds for ten, a
 * tenth of a millisecond or more for a thousand.
 *
 * <p>The serialized form is the kind, the number of slots, the lease in microseconds and the holder.
 */
final class SlotProcessor extends KeyProcessor {

    private static final long serialVersionUID = 1L;

    /** The operations. A renewal is allowed if the holder had a slot. */
    enum Kind {
        ACQUIRE,
        RENEW,
        RELEASE,
        PEEK
    }

    private static final Decision YES = new Decision.Allowed(0, 0, Decision.Source.STORE);
    private static final Decision NO = new Decision.Denied(0, 0, 0, List.of(), Decision.Source.STORE);
    /** Replaced when a processor is deserialized. */
    private static final ConcurrencyLimit NO_LIMIT = new ConcurrencyLimit(1, 1_000_000);

    private static final UUID NO_HOLDER = new UUID(0, 0);

    private transient Kind kind = Kind.PEEK;
    private transient ConcurrencyLimit limit = NO_LIMIT;
    private transient UUID holder = NO_HOLDER;

    /** Creates a processor to deserialize. */
    SlotProcessor() {}

    /**
     * Creates a processor.
     *
     * @param kind   the operation
     * @param limit  the number of slots and the lease
     * @param holder identifies the holder; {@code null} for an operation without one
     * @param clock  decides instead of the clock of the cluster, for tests; or {@code null}
     */
    SlotProcessor(Kind kind, ConcurrencyLimit limit, @Nullable UUID holder, @Nullable MicroClock clock) {
        super(clock);
        this.kind = kind;
        this.limit = limit;
        this.holder = holder == null ? NO_HOLDER : holder;
    }

    @Override
    Outcome apply(byte @Nullable [] stored, long nowMicros) {
        SlotState slots = stored == null ? new SlotState() : StateCodec.readSlots(stored);
        Decision decision =
                switch (kind) {
                    case ACQUIRE -> Decision.ofSlot(slots, limit, slots.acquire(limit, holder, nowMicros), nowMicros);
                    case RENEW -> slots.renew(limit, holder, nowMicros) ? YES : NO;
                    case RELEASE -> {
                        slots.release(holder);
                        yield YES;
                    }
                    case PEEK -> Decision.ofSlot(slots, limit, !slots.isFull(limit, nowMicros), nowMicros);
                };
        boolean changed = decision.allowed() && kind != Kind.PEEK && (stored != null || kind != Kind.RELEASE);
        return new Outcome(List.of(decision), changed ? StateWriter.of(version(), slots, nowMicros) : null);
    }

    @Override
    long maxLifeMillis(long nowMicros) {
        return StateWriter.lifeMillis(limit.leaseMicros());
    }

    @Override
    int oldestVersion() {
        return 1;
    }

    @Override
    List<Limit> limits() {
        return List.of();
    }

    @Override
    public int getClassId() {
        return RateLimitProtocol.SLOT_PROCESSOR_ID;
    }

    @Override
    void write(ObjectDataOutput out) throws IOException {
        out.writeByte(kind.ordinal());
        out.writeLong(limit.slots());
        out.writeLong(limit.leaseMicros());
        out.writeLong(holder.getMostSignificantBits());
        out.writeLong(holder.getLeastSignificantBits());
    }

    @Override
    void read(ObjectDataInput in) throws IOException {
        kind = readKind(in, Kind.values());
        limit = new ConcurrencyLimit(in.readLong(), in.readLong());
        holder = new UUID(in.readLong(), in.readLong());
    }
}
