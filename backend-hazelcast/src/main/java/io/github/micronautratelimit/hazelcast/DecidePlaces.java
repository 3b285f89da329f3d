package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.Map;
import java.util.UUID;
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

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;

/** A {@link PlaceStep}, taken by the partition thread of the member that owns the key; its backups are sent what was written. */
final class DecidePlaces
        implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable, HazelcastInstanceAware {

    private static final long serialVersionUID = 1L;
    private static final int FORM = 1;
    /** The time is the member's own. */
    private static final long NO_TIME = Long.MIN_VALUE;

    private transient @Nullable PlaceStep step;
    private transient long givenMicros;
    private transient @Nullable HazelcastInstance member;
    private transient @Nullable Written written;

    /** To be read. */
    DecidePlaces() {
    }

    DecidePlaces(PlaceStep step, @Nullable Long givenMicros) {
        this.step = step;
        this.givenMicros = givenMicros == null ? NO_TIME : givenMicros;
    }

    @Override
    public long[] process(Map.Entry<String, byte[]> entry) {
        if (step == null || member == null) {
            throw new IllegalStateException("Nothing is asked, or of nobody.");
        }
        boolean given = givenMicros != NO_TIME;
        long now = given ? givenMicros : TimeUnit.MILLISECONDS.toMicros(member.getCluster().getClusterTime());
        Question.Change<Decision> change = step.on(entry.getValue(), now, given);
        written = change.written();
        if (written != null) {
            written.to((ExtendedMapEntry<String, byte[]>) entry);
        }
        return PlaceStep.write(change.answer());
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
        return SerializationHook.DECIDE_PLACES;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
        if (step == null) {
            throw new IllegalStateException("Nothing is asked.");
        }
        out.writeByte(FORM);
        out.writeByte(step.kind().ordinal());
        out.writeLong(givenMicros);
        out.writeLong(step.limit().holders());
        out.writeLong(step.limit().leaseMicros());
        out.writeLong(step.holder().getMostSignificantBits());
        out.writeLong(step.holder().getLeastSignificantBits());
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
        SerializationHook.requireForm(FORM, in.readByte());
        int kind = in.readByte();
        if (kind < 0 || kind >= PlaceStep.Kind.values().length) {
            throw new HazelcastSerializationException("A newer version of micronaut-ratelimit-hazelcast asks for what "
                    + "this member does not know; update the member.");
        }
        givenMicros = in.readLong();
        ConcurrencyLimit limit = new ConcurrencyLimit(in.readLong(), in.readLong());
        step = new PlaceStep(PlaceStep.Kind.values()[kind], limit, new UUID(in.readLong(), in.readLong()));
    }
}
