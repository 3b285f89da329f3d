package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The text forms of charges and reservations, which another instance reads. */
class ReceiptTextTest {

    private static final String HASH = KeyHash.of("key");
    private static final Policy POLICY = Policy.of("a.b", "10/h fixed");

    private final MemoryBackend store = new MemoryBackend(() -> 1_790_000_000_000_000L, 100);
    private final AsyncRateLimiter first =
            RateLimiter.builder(store).unguarded().build().async();
    private final AsyncRateLimiter second =
            RateLimiter.builder(store).unguarded().build().async();

    private Charge charge(long permits) {
        PermitRequest request = new PermitRequest(POLICY, "key", permits);
        return first.charge(request, Await.result(first.tryAcquire(POLICY, "key", permits)))
                .orElseThrow();
    }

    private long remaining() {
        return Await.result(second.peek(POLICY, "key", 0)).remaining();
    }

    @Test
    void anotherInstanceGivesBackAndSettles() {
        String charge = charge(4).toString();
        assertTrue(Await.result(second.refund(second.readCharge(POLICY, "key", charge))));
        assertEquals(10, remaining());
        String reservation = Await.result(first.reserve(POLICY, "key", 6)).toString();
        Reservation read = second.readReservation(POLICY, "key", reservation);
        assertEquals(Reservation.Outcome.SETTLED, Await.result(read.settle(1)).outcome());
        assertEquals(9, remaining());
    }

    /** The permits of a reservation would be given back twice: as a charge, and by its settlement. */
    @Test
    void textIsEitherAChargeOrAReservation() {
        String charge = charge(4).toString();
        String reservation = Await.result(first.reserve(POLICY, "key", 6)).toString();
        String denied = Await.result(first.reserve(POLICY, "key", 6)).toString();
        assertThrows(IllegalArgumentException.class, () -> second.readCharge(POLICY, "key", reservation));
        assertThrows(IllegalArgumentException.class, () -> second.readReservation(POLICY, "key", charge));
        assertThrows(IllegalArgumentException.class, () -> second.readReservation(POLICY, "key", denied));
        assertEquals(0, remaining());
    }

    @Test
    void textBelongsToOneKeyAndPolicy() {
        String charge = charge(4).toString();
        assertThrows(IllegalArgumentException.class, () -> second.readCharge(POLICY, "other", charge));
        assertThrows(
                IllegalArgumentException.class, () -> second.readCharge(Policy.of("a", "10/h fixed"), "key", charge));
        assertFalse(charge.contains("key"));
    }

    /** The counters of this process did not grant the permits. */
    @Test
    void grantOfAnotherProcessIsNotGivenBackLocally() {
        charge(4);
        String local = charge(2).toString().replace(".store.", ".local.");
        Charge read = second.readCharge(POLICY, "key", local);
        assertEquals(0, read.chargedAtMicros());
        assertTrue(read.isLocal());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "....",
                "no-uuid.4.1790000000000000.0.store.%s.a.b",
                "00000000-0000-0001-0000-000000000002.-4.1790000000000000.0.store.%s.a.b",
                "00000000-0000-0001-0000-000000000002.4.-1.0.store.%s.a.b",
                "00000000-0000-0001-0000-000000000002.4.9223372036854775807.0.store.%s.a.b",
                "00000000-0000-0001-0000-000000000002.99999999999999999999.1.0.store.%s.a.b",
                "00000000-0000-0001-0000-000000000002.4.1.0.elsewhere.%s.a.b",
                "1-0-1-0-2.4.1.0.store.%s.a.b"
            })
    void malformedTextIsRefusedInOneSentence(String text) {
        String message = assertThrows(
                        IllegalArgumentException.class, () -> second.readCharge(POLICY, "key", text.formatted(HASH)))
                .getMessage();
        assertEquals("The text is not a charge; pass the result of its toString() as it is.", message);
    }
}
