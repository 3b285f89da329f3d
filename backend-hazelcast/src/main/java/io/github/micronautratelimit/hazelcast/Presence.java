package io.github.micronautratelimit.hazelcast;

import java.util.concurrent.Callable;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;

/** A question that only a member with this library understands. The answer says nothing more. */
final class Presence implements Callable<Integer>, IdentifiedDataSerializable {

    @Override
    public Integer call() {
        return 1;
    }

    @Override
    public int getFactoryId() {
        return SerializationHook.FACTORY;
    }

    @Override
    public int getClassId() {
        return SerializationHook.PRESENCE;
    }

    @Override
    public void writeData(ObjectDataOutput out) {
    }

    @Override
    public void readData(ObjectDataInput in) {
    }
}
