package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceAware;
import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.ExtendedMapEntry;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Wire;

/**
 * One step on a key, taken by the partition thread of the member that owns it. What was written is sent to the backups as
 * it is, for their clocks may differ; where nothing was written, no backup is asked and the entry is not touched.
 */
final class Decide implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable, HazelcastInstanceAware {

    private static final long serialVersionUID = 1L;
    private static final int FORM = 1;
    /** The time is the member's own. */
    private static final long NO_TIME = Long.MIN_VALUE;

    private transient @Nullable Step step;
    private transient long givenMicros;
    private transient @Nullable HazelcastInstance member;
    private transient @Nullable Written written;

    /** To be read. */
    Decide() {
    }

    Decide(Step step, @Nullable Long givenMicros) {
        this.step = step;
        this.givenMicros = givenMicros == null ? NO_TIME : givenMicros;
    }

    @Override
    public long[] process(Map.Entry<String, byte[]> entry) {
        if (step == null) {
            throw new IllegalStateException("Nothing is asked.");
        }
        byte[] stored = entry.getValue();
        long now = givenMicros == NO_TIME ? clusterMicros() : givenMicros;
        Question.Change<List<Decision>> change = step.on(stored, now, givenMicros != NO_TIME);
        written = change.written();
        if (written != null) {
            written.to((ExtendedMapEntry<String, byte[]>) entry);
        }
        return Answer.write(change.answer(), step.policy().limits());
    }

    /** Members agree on it to the millisecond or so, even if their own clocks differ: a key may move between them. */
    private long clusterMicros() {
        if (member == null) {
            throw new IllegalStateException("No member decides.");
        }
        return TimeUnit.MILLISECONDS.toMicros(member.getCluster().getClusterTime());
    }

    @Override
    public @Nullable EntryProcessor<String, byte[], long[]> getBackupProcessor() {
        return written;
    }

    @Override
    public void setHazelcastInstance(HazelcastInstance instance) {
        this.member = instance;
    }

    @Override
    public int getFactoryId() {
        return SerializationHook.FACTORY;
    }

    @Override
    public int getClassId() {
        return SerializationHook.DECIDE;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
        if (step == null) {
            throw new IllegalStateException("Nothing is asked.");
        }
        out.writeByte(FORM);
        out.writeByte(step.kind().ordinal());
        out.writeLong(givenMicros);
        out.writeByteArray(Wire.write(step.policy().limits()));
        out.writeInt(step.costs().size());
        for (long cost : step.costs()) {
            out.writeLong(cost);
        }
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
        SerializationHook.requireForm(FORM, in.readByte());
        int kind = in.readByte();
        if (kind < 0 || kind >= Step.Kind.values().length) {
            throw new HazelcastSerializationException("A newer version of micronaut-ratelimit-hazelcast asks for what "
                    + "this member does not know; update the member.");
        }
        givenMicros = in.readLong();
        byte[] limits = in.readByteArray();
        List<Long> costs = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            costs.add(in.readLong());
        }
        step = new Step(Step.Kind.values()[kind],
                new Policy("sent", Wire.readLimits(limits == null ? new byte[0] : limits), OnError.CLOSED), costs);
    }
}
