package io.github.micronautratelimit.hazelcast;

import com.hazelcast.internal.serialization.DataSerializerHook;
import com.hazelcast.nio.serialization.DataSerializableFactory;

/**
 * Registers the serialized classes of this library with Hazelcast, on every member and client that has it on the class
 * path. Hazelcast finds it as a service, so serialization needs no configuration.
 */
public final class RateLimitSerializerHook implements DataSerializerHook {

    /** Creates a hook; called by Hazelcast. */
    public RateLimitSerializerHook() {}

    @Override
    public int getFactoryId() {
        return RateLimitProtocol.FACTORY_ID;
    }

    @Override
    public DataSerializableFactory createFactory() {
        return id -> switch (id) {
            case RateLimitProtocol.PERMIT_PROCESSOR_ID -> new PermitProcessor();
            case RateLimitProtocol.SLOT_PROCESSOR_ID -> new SlotProcessor();
            case RateLimitProtocol.STATE_WRITER_ID -> new KeyProcessor.StateWriter();
            case RateLimitProtocol.MERGE_POLICY_ID -> new RateLimitMergePolicy();
            case RateLimitProtocol.LIBRARY_CHECK_ID -> new LibraryCheck();
            default -> throw RateLimitProtocol.unknown("type " + id);
        };
    }
}
