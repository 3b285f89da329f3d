package io.github.micronautratelimit.hazelcast;

import java.io.IOException;

import org.jspecify.annotations.Nullable;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import com.hazelcast.spi.impl.merge.MapMergingEntryImpl;
import com.hazelcast.spi.merge.MergingEntry;
import com.hazelcast.spi.merge.SplitBrainMergePolicy;

import io.github.micronautratelimit.LimitState;
import io.github.micronautratelimit.Wire;

/**
 * After a cluster was split and is one again: what was spent in either part is spent, so that nobody is handed permits
 * back, and who held a place holds it. While it is split, each part grants up to the limits.
 *
 * <p>Applied to this library's maps by {@link HazelcastBackend} where it is used on a member. Where it is used on clients
 * only, name this class as the merge policy of those maps in the members' own configuration.
 */
public final class JoinMergePolicy
        implements SplitBrainMergePolicy<byte[], MergingEntry<Object, byte[]>, byte[]>, IdentifiedDataSerializable {

    /** Made by Hazelcast. */
    public JoinMergePolicy() {
    }

    /** From Hazelcast 5.6 on {@code getValue} has another name, which earlier ones do not know. */
    @Override
    @SuppressWarnings("deprecation")
    public byte @Nullable [] merge(MergingEntry<Object, byte[]> merging, @Nullable MergingEntry<Object, byte[]> existing) {
        if (existing == null) {
            return merging.getValue();
        }
        endWithTheLater(merging, existing);
        if (Wire.isPlaces(existing.getValue()) && Wire.isPlaces(merging.getValue())) {
            return Wire.write(Wire.readPlaces(existing.getValue()).join(Wire.readPlaces(merging.getValue())));
        }
        LimitState joined = Wire.readState(existing.getValue()).join(Wire.readState(merging.getValue()));
        return Wire.write(joined);
    }

    /** Hazelcast lets the entry end when the merging one would have, whichever value was chosen. */
    private static void endWithTheLater(Object merging, Object existing) {
        if (merging instanceof MapMergingEntryImpl<?, ?> a && existing instanceof MapMergingEntryImpl<?, ?> b) {
            a.setExpirationTime(Math.max(a.getExpirationTime(), b.getExpirationTime()));
        }
    }

    @Override
    public int getFactoryId() {
        return SerializationHook.FACTORY;
    }

    @Override
    public int getClassId() {
        return SerializationHook.JOIN;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
    }
}
