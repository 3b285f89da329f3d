package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.internal.serialization.Data;
import com.hazelcast.internal.serialization.SerializationService;
import com.hazelcast.internal.serialization.impl.DefaultSerializationServiceBuilder;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Tests the serialized forms with a serialization service that has no configuration. */
class SerializationTest {

    /** The version follows the partition hash, the type, the kind of serializable, and the factory and class ids. */
    private static final int VERSION_AT = 4 + 4 + 1 + 4 + 4;

    private static final int KIND_AT = VERSION_AT + 1 + 8;

    private final SerializationService service = new DefaultSerializationServiceBuilder().build();

    private static PermitProcessor acquire() {
        return new PermitProcessor(PermitProcessor.Kind.ACQUIRE, Limit.parseAll("100/min"), List.of(1L, 7L), null);
    }

    @Test
    void permitOperationIsReadAsItWasWritten() {
        assertRoundTrip(acquire());
    }

    @Test
    void calendarQuotaIsReadAsItWasWritten() {
        List<Limit> limits = Limit.parseAll("100/month from 31 Europe/Berlin; 10/day +05:45; 5/week; 4/year; 3/min");
        PermitProcessor operation = new PermitProcessor(PermitProcessor.Kind.ACQUIRE, limits, List.of(1L), null);
        assertRoundTrip(operation);
        assertEquals(RateLimitProtocol.CALENDAR_VERSION, operation.oldestVersion());
        assertEquals(1, acquire().oldestVersion());
        KeyProcessor read = service.toObject(service.toData(operation));
        assertEquals(limits, read.limits());
    }

    @Test
    void slotOperationIsReadAsItWasWritten() {
        assertRoundTrip(
                new SlotProcessor(SlotProcessor.Kind.RENEW, new ConcurrencyLimit(5, 30_000_000), new UUID(1, 2), null));
    }

    private void assertRoundTrip(KeyProcessor operation) {
        Data data = service.toData(operation);
        KeyProcessor read = service.toObject(data);
        assertArrayEquals(data.toByteArray(), service.toData(read).toByteArray());
    }

    @Test
    void theFirstVersionStaysReadable() {
        PermitProcessor first = acquire();
        first.useVersion(1);
        byte[] written = service.toData(first).toByteArray();
        assertEquals(
                "01" + "8000000000000000" + "00" + "00000009" + "010101" + "64" + "808ece1c" + "64" + "00000002"
                        + "0000000000000001" + "0000000000000007",
                HexFormat.of().formatHex(written).substring(2 * VERSION_AT));
    }

    @Test
    void newerVersionIsRejected() {
        assertTrue(rejection(VERSION_AT, 3).contains("version 3"));
        assertTrue(rejection(KIND_AT, 9).contains("operation 9, which this version"));
        assertTrue(rejection(VERSION_AT - 1, 77).contains("type 77, which this version"));
    }

    /** Returns the messages of the failure to read an operation in which one byte is changed. */
    private String rejection(int index, int value) {
        Data data = service.toData(acquire());
        data.toByteArray()[index] = (byte) value;
        Throwable failure = assertThrows(HazelcastSerializationException.class, () -> service.toObject(data));
        StringBuilder all = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            all.append(cause.getMessage()).append('\n');
        }
        return all.toString();
    }

    @Test
    void answerIsReadAsItWasWritten() {
        List<Limit> limits = Limit.parseAll("10/s; 20/min sliding; 30/day fixed");
        List<Decision> decisions = List.of(
                new Decision.Allowed(3, 4, Decision.Source.STORE),
                new Decision.Denied(1, 2, 5, List.of(limits.get(0), limits.get(2)), Decision.Source.STORE),
                new Decision.Denied(0, LimitState.NEVER, 0, limits, Decision.Source.STORE),
                new Decision.Denied(0, 7, 8, List.of(), Decision.Source.STORE));
        long[] answer = RateLimitProtocol.writeDecisions(RateLimitProtocol.VERSION, decisions, limits);
        assertEquals(decisions, RateLimitProtocol.readDecisions(answer, limits));
        answer[0] = 3;
        String message = assertThrows(
                        NonRetryableStoreException.class, () -> RateLimitProtocol.readDecisions(answer, limits))
                .getMessage();
        assertTrue(message.contains("version 3") && message.contains("update"), message);
    }
}
