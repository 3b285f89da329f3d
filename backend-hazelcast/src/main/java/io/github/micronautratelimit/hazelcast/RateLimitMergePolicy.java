package io.github.micronautratelimit.hazelcast;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import com.hazelcast.spi.impl.merge.MapMergingEntryImpl;
import com.hazelcast.spi.merge.MergingEntry;
import com.hazelcast.spi.merge.SplitBrainMergePolicy;
import io.github.micronautratelimit.limit.StateCodec;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Merges the states of a key after a split of the cluster: permits spent in either part remain spent, and slots held in
 * either part remain held. During the split, each part grants up to the limits.
 *
 * <p>Each entry is merged by itself. If one of the two values of a key cannot be read, because it is not a state or was
 * written by a newer version, the value of the larger part stays, and all other keys are merged.
 *
 * <p>The backend sets this policy for its map if it runs on a member. If it only runs on clients, set the policy in the
 * configuration of the members.
 */
public final class RateLimitMergePolicy
        implements SplitBrainMergePolicy<byte[], MergingEntry<Object, byte[]>, Object>, IdentifiedDataSerializable {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitMergePolicy.class);
    private static final AtomicBoolean LOGGED = new AtomicBoolean();

    /** Creates a policy; called by Hazelcast. */
    public RateLimitMergePolicy() {}

    /**
     * Uses {@code getValue}, which is deprecated since Hazelcast 5.6, because earlier versions have no other name for
     * it.
     *
     * <p>Never throws: Hazelcast would abort the merge, and all entries that were not merged yet would be lost.
     *
     * @return the merged state, or a value as it was stored
     */
    @Override
    @SuppressWarnings("deprecation")
    public Object merge(MergingEntry<Object, byte[]> merging, @Nullable MergingEntry<Object, byte[]> existing) {
        if (existing == null) {
            return merging.getRawValue();
        }
        keepLaterExpiry(merging, existing);
        try {
            byte[] joining = merging.getValue();
            byte[] present = existing.getValue();
            return StateCodec.isSlots(present) && StateCodec.isSlots(joining)
                    ? StateCodec.write(StateCodec.readSlots(present).join(StateCodec.readSlots(joining)))
                    : StateCodec.write(StateCodec.readState(present).join(StateCodec.readState(joining)));
        } catch (RuntimeException e) {
            logUnreadable(existing, e);
            return existing.getRawValue();
        }
    }

    private static void logUnreadable(MergingEntry<Object, byte[]> existing, RuntimeException failure) {
        if (LOGGED.compareAndSet(false, true)) {
            LOG.warn(
                    "After a split of the cluster, the two states of the key {} could not be merged, so that of the "
                            + "larger part stays: {}. All other keys are merged. Further such keys are not logged.",
                    nameOf(existing),
                    failure.toString());
        }
    }

    private static Object nameOf(MergingEntry<Object, byte[]> entry) {
        try {
            return entry.getKey();
        } catch (RuntimeException e) {
            return "that cannot be read either";
        }
    }

    /** Hazelcast gives the merged entry the expiry of the merging entry, whatever its value. */
    private static void keepLaterExpiry(Object merging, Object existing) {
        if (merging instanceof MapMergingEntryImpl<?, ?> a && existing instanceof MapMergingEntryImpl<?, ?> b) {
            a.setExpirationTime(Math.max(a.getExpirationTime(), b.getExpirationTime()));
        }
    }

    @Override
    public int getFactoryId() {
        return RateLimitProtocol.FACTORY_ID;
    }

    @Override
    public int getClassId() {
        return RateLimitProtocol.MERGE_POLICY_ID;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {}

    @Override
    public void readData(ObjectDataInput in) throws IOException {}
}
