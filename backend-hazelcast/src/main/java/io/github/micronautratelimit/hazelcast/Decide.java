package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Wire;

/** A {@link Step} on its way to the owner of the key. */
final class Decide extends Deciding<List<Decision>, Step> {

    private static final long serialVersionUID = 1L;

    /** To be read. */
    Decide() {
    }

    Decide(Step step, @Nullable Long givenMicros) {
        super(step, givenMicros);
    }

    @Override
    long[] numbers(Step step, List<Decision> answer) {
        return Answer.write(answer, step.policy().limits());
    }

    @Override
    Enum<?> kind(Step step) {
        return step.kind();
    }

    @Override
    Enum<?>[] kinds() {
        return Step.Kind.values();
    }

    @Override
    public int getClassId() {
        return SerializationHook.DECIDE;
    }

    @Override
    void write(Step step, ObjectDataOutput out) throws IOException {
        out.writeByteArray(Wire.write(step.policy().limits()));
        out.writeInt(step.costs().size());
        for (long cost : step.costs()) {
            out.writeLong(cost);
        }
    }

    @Override
    Step read(int kind, ObjectDataInput in) throws IOException {
        byte[] limits = in.readByteArray();
        List<Long> costs = new ArrayList<>();
        for (int left = in.readInt(); left > 0; left--) {
            costs.add(in.readLong());
        }
        return new Step(Step.Kind.values()[kind],
                new Policy("sent", Wire.readLimits(limits == null ? new byte[0] : limits), OnError.CLOSED), costs);
    }
}
