package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.UUID;

import org.jspecify.annotations.Nullable;

import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;

/** A {@link PlaceStep} on its way to the owner of the key. */
final class DecidePlaces extends Deciding<Decision, PlaceStep> {

    private static final long serialVersionUID = 1L;

    /** To be read. */
    DecidePlaces() {
    }

    DecidePlaces(PlaceStep step, @Nullable Long givenMicros) {
        super(step, givenMicros);
    }

    @Override
    long[] numbers(PlaceStep step, Decision answer) {
        return PlaceStep.write(answer);
    }

    @Override
    Enum<?> kind(PlaceStep step) {
        return step.kind();
    }

    @Override
    Enum<?>[] kinds() {
        return PlaceStep.Kind.values();
    }

    @Override
    public int getClassId() {
        return SerializationHook.DECIDE_PLACES;
    }

    @Override
    void write(PlaceStep step, ObjectDataOutput out) throws IOException {
        out.writeLong(step.limit().holders());
        out.writeLong(step.limit().leaseMicros());
        out.writeLong(step.holder().getMostSignificantBits());
        out.writeLong(step.holder().getLeastSignificantBits());
    }

    @Override
    PlaceStep read(int kind, ObjectDataInput in) throws IOException {
        ConcurrencyLimit limit = new ConcurrencyLimit(in.readLong(), in.readLong());
        return new PlaceStep(PlaceStep.Kind.values()[kind], limit, new UUID(in.readLong(), in.readLong()));
    }
}
