package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HexFormat;
import java.util.List;

import org.junit.jupiter.api.Test;

import com.hazelcast.internal.serialization.Data;
import com.hazelcast.internal.serialization.SerializationService;
import com.hazelcast.internal.serialization.impl.DefaultSerializationServiceBuilder;
import com.hazelcast.nio.serialization.HazelcastSerializationException;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitDefectException;

/** What goes over the wire, by a serialization service that nobody has configured. */
class SerializationTest {

    /** After the partition hash, the type, the kind of serializable, and our factory and class. */
    private static final int FORM_AT = 4 + 4 + 1 + 4 + 4;

    private final SerializationService service = new DefaultSerializationServiceBuilder().build();

    private static Decide decide() {
        return new Decide(new Step(Step.Kind.ACQUIRE, Policy.of("secret-name", "100/min"), List.of(1L, 7L)), null);
    }

    @Test
    void aDecisionThatIsAskedForIsReadAsItWasWritten() {
        Data data = service.toData(decide());
        Decide read = service.toObject(data);
        assertArrayEquals(data.toByteArray(), service.toData(read).toByteArray());
    }

    @Test
    void theFirstFormStaysReadable() {
        byte[] written = service.toData(decide()).toByteArray();
        assertEquals("01" + "00" + "8000000000000000" + "00000009" + "010101" + "64" + "808ece1c" + "64"
                + "00000002" + "0000000000000001" + "0000000000000007",
                HexFormat.of().formatHex(written).substring(2 * FORM_AT));
    }

    @Test
    void aNewerFormIsRefused() {
        assertTrue(refusal(FORM_AT, 2).contains("form 2"));
        assertTrue(refusal(FORM_AT + 1, 9).contains("does not know"));
        assertTrue(refusal(FORM_AT - 1, 77).contains("type 77"));
    }

    /** What is said of a decision in which one byte is another. */
    private String refusal(int place, int value) {
        Data data = service.toData(decide());
        data.toByteArray()[place] = (byte) value;
        Throwable failure = assertThrows(HazelcastSerializationException.class, () -> service.toObject(data));
        StringBuilder all = new StringBuilder();
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            all.append(cause.getMessage()).append('\n');
        }
        return all.toString();
    }

    @Test
    void anAnswerIsReadAsItWasWritten() {
        List<Limit> limits = Limit.parseAll("10/s; 20/min sliding; 30/day fixed");
        List<Decision> decisions = List.of(
                new Decision.Allowed(3, 4, Decision.Source.STORE),
                new Decision.Denied(1, 2, 5, List.of(limits.get(0), limits.get(2)), Decision.Source.STORE),
                new Decision.Denied(0, Decision.NEVER, 0, limits, Decision.Source.STORE));
        long[] numbers = Answer.write(decisions, limits);
        assertEquals(decisions, Answer.read(numbers, limits));
        numbers[0] = 2;
        String message = assertThrows(RateLimitDefectException.class, () -> Answer.read(numbers, limits)).getMessage();
        assertTrue(message.contains("form 2") && message.contains("update"), message);
    }
}
