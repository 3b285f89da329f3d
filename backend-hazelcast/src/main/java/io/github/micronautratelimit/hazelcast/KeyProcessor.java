package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceAware;
import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.ExtendedMapEntry;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlotState;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Executes one operation on one key. It is sent to the member that owns the key and runs on the thread of the
 * partition, so it is atomic.
 *
 * <p>A subclass defines an operation as a pure function, {@link #apply}, and its serialized form. This class reads
 * the clock, writes the new state and sends it to the backups. If the state does not change, the entry is not touched
 * and no backup is called.
 *
 * <p>The serialized form is the version, the time or {@link #CLUSTER_TIME}, and the form of the subclass.
 */
abstract class KeyProcessor
        implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable, HazelcastInstanceAware {

    private static final long serialVersionUID = 1L;
    /** Stands for the clock of the cluster. */
    private static final long CLUSTER_TIME = Long.MIN_VALUE;

    private transient int version = RateLimitProtocol.VERSION;
    private transient long nowMicros = CLUSTER_TIME;
    private transient @Nullable HazelcastInstance member;
    private transient @Nullable StateWriter written;

    /**
     * The result of an operation.
     *
     * @param decisions one for each request; none for an operation that decides nothing
     * @param change    the new state; {@code null} if the state does not change
     */
    record Outcome(List<Decision> decisions, @Nullable StateWriter change) {}

    /** Creates a processor to deserialize. */
    KeyProcessor() {}

    /**
     * Creates a processor that uses the time of this clock, or the time of the cluster if the clock is {@code null}.
     */
    KeyProcessor(@Nullable MicroClock clock) {
        if (clock != null) {
            nowMicros = clock.micros();
        }
    }

    /** Returns the outcome of the operation at an instant. Has no side effects. */
    abstract Outcome apply(byte @Nullable [] stored, long nowMicros);

    /** Returns the longest life that any operation with these limits can give an entry. */
    abstract long maxLifeMillis(long nowMicros);

    /** Returns the limits that a denial can name, in the order of the policy. */
    abstract List<Limit> limits();

    abstract void write(ObjectDataOutput out) throws IOException;

    abstract void read(ObjectDataInput in) throws IOException;

    /** Sets the version in which this operation, its answer, the state and the backups are written. */
    final void useVersion(int newest) {
        version = newest;
    }

    /** Returns the oldest version of the members that can execute this operation. */
    abstract int oldestVersion();

    /** Returns the version in which states are written. */
    final int version() {
        return version;
    }

    /** Returns the decisions in the answer of the member. */
    final List<Decision> decisions(long[] answer) {
        return RateLimitProtocol.readDecisions(answer, limits());
    }

    @Override
    public final long[] process(Map.Entry<String, byte[]> entry) {
        boolean clusterTime = nowMicros == CLUSTER_TIME;
        Outcome outcome = apply(entry.getValue(), clusterTime ? clusterMicros() : nowMicros);
        StateWriter change = outcome.change();
        if (change != null) {
            change = clusterTime ? change : change.extended();
            change.process(entry);
        }
        written = change;
        return RateLimitProtocol.writeDecisions(version, outcome.decisions(), limits());
    }

    /**
     * Members agree on this time to about a millisecond, even if their own clocks differ. A key may move between
     * them.
     */
    private long clusterMicros() {
        if (member == null) {
            throw new IllegalStateException("The processor does not run on a member.");
        }
        return TimeUnit.MILLISECONDS.toMicros(member.getCluster().getClusterTime());
    }

    /** The backups receive the new state instead of the operation, because their clocks may differ. */
    @Override
    public final @Nullable EntryProcessor<String, byte[], long[]> getBackupProcessor() {
        return written;
    }

    @Override
    public final void setHazelcastInstance(HazelcastInstance instance) {
        this.member = instance;
    }

    @Override
    public final int getFactoryId() {
        return RateLimitProtocol.FACTORY_ID;
    }

    @Override
    public final void writeData(ObjectDataOutput out) throws IOException {
        out.writeByte(version);
        out.writeLong(nowMicros);
        write(out);
    }

    @Override
    public final void readData(ObjectDataInput in) throws IOException {
        version = RateLimitProtocol.requireVersion(in.readByte());
        nowMicros = in.readLong();
        read(in);
    }

    /** Reads the kind of an operation. The position of a kind in its enum is sent, so new kinds go to the end. */
    static <E extends Enum<E>> E readKind(ObjectDataInput in, E[] known) throws IOException {
        int kind = in.readByte();
        if (kind < 0 || kind >= known.length) {
            throw RateLimitProtocol.unknown("operation " + kind);
        }
        return known[kind];
    }

    /** Writes a state and its expiry: on the member that owns the key, and then on its backups. */
    static final class StateWriter implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable {

        private static final long serialVersionUID = 1L;

        /**
         * Entries expire on whole seconds, up to one second early, and clocks differ. An entry that expires early would
         * give permits back.
         */
        private static final long SLACK_MILLIS = 2_000;

        private static final long MAX_LIFE_MILLIS = TimeUnit.DAYS.toMillis(10_000);
        /** Under the clock of a test, entries must outlive the time that really passes. */
        static final long EXTENSION_MILLIS = TimeUnit.HOURS.toMillis(1);

        private static final long[] NO_ANSWER = {};

        private transient int version = RateLimitProtocol.VERSION;
        private transient byte[] state = {};
        private transient long lifeMillis;

        /** Creates a writer to deserialize. */
        StateWriter() {}

        private StateWriter(int version, byte[] state, long lifeMillis) {
            this.version = version;
            this.state = state;
            this.lifeMillis = lifeMillis;
        }

        static StateWriter of(int version, LimitState state, long nowMicros) {
            return new StateWriter(
                    version, RateLimitProtocol.write(version, state), lifeMillis(state.expiresAfter(nowMicros)));
        }

        static StateWriter of(int version, SlotState slots, long nowMicros) {
            return new StateWriter(
                    version, RateLimitProtocol.write(version, slots), lifeMillis(slots.resetAfter(nowMicros)));
        }

        /** Returns how long an entry has to live whose state is empty after this time. */
        static long lifeMillis(long resetAfterMicros) {
            return Math.min(resetAfterMicros / 1_000 + 1 + SLACK_MILLIS, MAX_LIFE_MILLIS);
        }

        StateWriter extended() {
            return new StateWriter(version, state, lifeMillis + EXTENSION_MILLIS);
        }

        byte[] state() {
            return state;
        }

        long lifeMillis() {
            return lifeMillis;
        }

        @Override
        public long[] process(Map.Entry<String, byte[]> entry) {
            ((ExtendedMapEntry<String, byte[]>) entry).setValue(state, lifeMillis, TimeUnit.MILLISECONDS);
            return NO_ANSWER;
        }

        @Override
        public @Nullable EntryProcessor<String, byte[], long[]> getBackupProcessor() {
            return null;
        }

        @Override
        public int getFactoryId() {
            return RateLimitProtocol.FACTORY_ID;
        }

        @Override
        public int getClassId() {
            return RateLimitProtocol.STATE_WRITER_ID;
        }

        @Override
        public void writeData(ObjectDataOutput out) throws IOException {
            out.writeByte(version);
            out.writeByteArray(state);
            out.writeLong(lifeMillis);
        }

        @Override
        public void readData(ObjectDataInput in) throws IOException {
            version = RateLimitProtocol.requireVersion(in.readByte());
            byte[] read = in.readByteArray();
            state = read == null ? new byte[0] : read;
            lifeMillis = in.readLong();
        }
    }
}
