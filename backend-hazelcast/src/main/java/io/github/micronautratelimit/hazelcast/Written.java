package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.ExtendedMapEntry;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;

import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Places;
import io.github.micronautratelimit.Wire;

/** A state and how long it says something: what a key's owner writes, and then its backups. */
final class Written implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable {

    private static final long serialVersionUID = 1L;
    private static final int FORM = 1;

    /** Entries end on whole seconds, up to one early; and clocks differ. An entry that ends early hands permits back. */
    private static final long SLACK_MILLIS = 2_000;
    private static final long LONGEST_MILLIS = TimeUnit.DAYS.toMillis(10_000);
    /** While a test tells the time, entries must outlive the time that really passes. */
    private static final long LONGER_IN_TESTS_MILLIS = TimeUnit.HOURS.toMillis(1);
    private static final long[] NOTHING = {};

    private transient byte[] value = {};
    private transient long lifeMillis;

    /** To be read. */
    Written() {
    }

    private Written(byte[] value, long lifeMillis) {
        this.value = value;
        this.lifeMillis = lifeMillis;
    }

    static Written of(LimitState state, long nowMicros, boolean inTests) {
        return new Written(Wire.write(state), lifeMillis(state.resetAfter(nowMicros), inTests));
    }

    static Written of(Places places, long nowMicros, boolean inTests) {
        return new Written(Wire.write(places), lifeMillis(places.endAfter(nowMicros), inTests));
    }

    /** How long what says something for so many microseconds is kept. */
    static long lifeMillis(long saysMicros, boolean inTests) {
        long millis = saysMicros / 1_000 + 1 + SLACK_MILLIS + (inTests ? LONGER_IN_TESTS_MILLIS : 0);
        return Math.min(millis, LONGEST_MILLIS);
    }

    byte[] value() {
        return value;
    }

    long lifeMillis() {
        return lifeMillis;
    }

    void to(ExtendedMapEntry<String, byte[]> entry) {
        entry.setValue(value, lifeMillis, TimeUnit.MILLISECONDS);
    }

    @Override
    public long[] process(Map.Entry<String, byte[]> entry) {
        to((ExtendedMapEntry<String, byte[]>) entry);
        return NOTHING;
    }

    @Override
    public @Nullable EntryProcessor<String, byte[], long[]> getBackupProcessor() {
        return null;
    }

    @Override
    public int getFactoryId() {
        return SerializationHook.FACTORY;
    }

    @Override
    public int getClassId() {
        return SerializationHook.WRITTEN;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
        out.writeByte(FORM);
        out.writeByteArray(value);
        out.writeLong(lifeMillis);
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
        SerializationHook.requireForm(FORM, in.readByte());
        byte[] read = in.readByteArray();
        value = read == null ? new byte[0] : read;
        lifeMillis = in.readLong();
    }
}
