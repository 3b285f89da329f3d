package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.spi.merge.MergingEntry;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.SlotState;
import io.github.micronautratelimit.limit.StateCodec;
import java.lang.reflect.Proxy;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tests that the policy merges two states, and never throws whatever the entries contain. */
class RateLimitMergePolicyTest {

    private static final long NOW = 1_789_381_217_000_000L;
    private static final LimitState FULL = LimitState.carryOver(Limit.parseAll("10/366day"), null, NOW);

    private final RateLimitMergePolicy policy = new RateLimitMergePolicy();

    /** Values that are not a state of permits which this version reads. */
    enum Unreadable {
        NEWER,
        TEXT,
        EMPTY,
        TRUNCATED,
        SLOTS,
        UNKNOWN_CLASS;

        Object value() {
            byte[] state = StateCodec.write(FULL.charge(4));
            return switch (this) {
                case NEWER -> {
                    state[0] = 9;
                    yield state;
                }
                case TEXT -> "a text";
                case EMPTY -> new byte[0];
                case TRUNCATED -> new byte[] {1, 1};
                case SLOTS -> slots();
                case UNKNOWN_CLASS -> new HazelcastSerializationException("unknown class");
            };
        }
    }

    private static byte[] slots() {
        SlotState slots = new SlotState();
        slots.acquire(new ConcurrencyLimit(5, 30_000_000), new UUID(1, 2), NOW);
        return StateCodec.write(slots);
    }

    /** An entry as Hazelcast passes it: the raw value is the stored one, and reading it may fail. */
    @SuppressWarnings("unchecked")
    private static MergingEntry<Object, byte[]> entry(Object value) {
        return (MergingEntry<Object, byte[]>) Proxy.newProxyInstance(
                MergingEntry.class.getClassLoader(),
                new Class<?>[] {MergingEntry.class},
                (self, method, arguments) -> switch (method.getName()) {
                    case "getKey" -> "p:key";
                    case "getRawValue" -> value;
                    case "getValue" -> read(value);
                    default -> throw new AssertionError(method);
                });
    }

    private static Object read(Object value) throws Throwable {
        if (value instanceof Throwable failure) {
            throw failure;
        }
        return value;
    }

    private Object merge(Object joining, @Nullable Object present) {
        return policy.merge(entry(joining), present == null ? null : entry(present));
    }

    private static byte[] spent(long permits) {
        return StateCodec.write(FULL.charge(permits));
    }

    @Test
    void permitsSpentInEitherPartRemainSpent() {
        assertArrayEquals(spent(7), (byte[]) merge(spent(7), spent(3)));
        assertArrayEquals(spent(7), (byte[]) merge(spent(3), spent(7)));
    }

    @ParameterizedTest
    @EnumSource
    void existingValueStaysIfTheMergingOneCannotBeRead(Unreadable joining) {
        byte[] present = spent(3);
        assertSame(present, merge(joining.value(), present));
    }

    @ParameterizedTest
    @EnumSource
    void existingValueStaysIfItCannotBeRead(Unreadable present) {
        Object value = present.value();
        assertSame(value, merge(spent(3), value));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "SLOTS")
    void existingValueStaysIfNeitherCanBeRead(Unreadable both) {
        Object value = both.value();
        assertSame(value, merge(both.value(), value));
    }

    @ParameterizedTest
    @EnumSource
    void mergingValueOfANewKeyIsKeptAsItIs(Unreadable joining) {
        Object value = joining.value();
        assertSame(value, merge(value, null));
    }

    @Test
    void slotsOfEitherPartRemainHeld() {
        assertArrayEquals(slots(), (byte[]) merge(slots(), slots()));
    }
}
