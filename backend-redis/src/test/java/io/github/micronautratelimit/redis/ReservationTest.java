package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.Reservation.Receipt;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.redis.ScriptCall.PendingDecision;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.Base16;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The stored bytes of refunds and reservations, their expiry, and the path of plain keys in the script. */
@NeedsRedis
class ReservationTest {

    private static final int RESERVATION = 36;
    private static final long SECOND = 1_000_000;

    private final String namespace = "rl-" + UUID.randomUUID().toString().substring(0, 4);
    private final RedisBackend backend = new RedisBackend(Redis.connection(), namespace);
    private final RedisCommands<String, String> server = Redis.server();

    @AfterEach
    void deleteKeys() {
        server.keys(namespace + ":*").forEach(server::del);
    }

    private String name(Policy policy) {
        return namespace + ":" + EncodedPolicy.label(policy.name()) + ":{" + KeyHash.brief("key") + "}";
    }

    private Decision acquire(Policy policy, long permits) {
        return backend.acquire(policy, "key", permits).toCompletableFuture().join();
    }

    private void refund(Policy policy, long permits, long chargedAtMicros) {
        backend.refund(policy, "key", permits, chargedAtMicros)
                .toCompletableFuture()
                .join();
    }

    private Decision reserve(Policy policy, UUID id, long permits, long ttlMicros) {
        return backend.reserve(policy, "key", id, permits, ttlMicros)
                .toCompletableFuture()
                .join();
    }

    private Settlement settle(Policy policy, Receipt receipt, long actual) {
        return backend.settle(policy, "key", receipt, actual)
                .toCompletableFuture()
                .join();
    }

    private static long chargedAt(Decision decision) {
        return assertInstanceOf(Decision.Allowed.class, decision).chargedAtMicros();
    }

    private static Receipt receipt(UUID id, long permits, Decision decision, long ttlMicros) {
        return new Receipt(id, permits, chargedAt(decision), chargedAt(decision) + ttlMicros);
    }

    private long size(Policy policy) {
        return server.strlen(name(policy));
    }

    /** Operators refund without a time, and that keeps nothing. A refund by the time of the charge takes 24 bytes. */
    @ParameterizedTest
    @CsvSource({
        "100/h, 17, 41",
        "100/day burst 5000, 20, 44",
        "100/day fixed, 14, 14",
        "100/day sliding, 16, 16",
        "100/h; 100/366day fixed, 32, 56"
    })
    void stateGrowsOnlyByRefundsAndReservations(String limits, long plain, long refunded) {
        Policy policy = Policy.of("p", limits);
        acquire(policy, 50);
        assertEquals(plain, size(policy));
        refund(policy, 1, LimitState.LATEST);
        assertEquals(plain, size(policy));
        Decision reserved = reserve(policy, new UUID(0, 1), 9, 3_600 * SECOND);
        reserve(policy, new UUID(0, 2), 9, 60 * SECOND);
        assertEquals(plain + 3 + 2 * RESERVATION, size(policy));
        settle(policy, receipt(new UUID(0, 1), 9, reserved, 3_600 * SECOND), 10);
        assertEquals(plain + 3 + RESERVATION, size(policy));
        settle(policy, receipt(new UUID(0, 2), 9, reserved, 60 * SECOND), 10);
        assertEquals(plain, size(policy));
        refund(policy, 1, chargedAt(acquire(policy, 2)));
        assertEquals(refunded, size(policy));
    }

    /** The script decides plain keys without its second part. Here it consists of its first part alone. */
    @ParameterizedTest
    @ValueSource(strings = {"100/min", "1000/h burst 5000", "99991/day burst 5000"})
    void plainKeysAreDecidedOnTheFastPath(String limits) {
        Policy policy = Policy.of("p", limits);
        String script = new String(Script.of("decide.lua").text(), StandardCharsets.UTF_8);
        int general = script.indexOf("-- General path");
        byte[] first =
                (script.substring(0, general) + "return redis.error_reply('general')").getBytes(StandardCharsets.UTF_8);
        Dispatcher fast = new Dispatcher(
                new Script(first, Base16.digest(first).getBytes(StandardCharsets.US_ASCII)),
                Redis.connection()::async,
                false,
                null,
                MicroClock.system());
        long remaining = policy.capacity() - 50;
        assertEquals(remaining, remaining(fast, policy, 50));
        refund(policy, 1, LimitState.LATEST);
        UUID id = UUID.randomUUID();
        Decision reserved = reserve(policy, id, 9, 60 * SECOND);
        assertThrows(CompletionException.class, () -> remaining(fast, policy, 0));
        settle(policy, receipt(id, 9, reserved, 60 * SECOND), 10);
        remaining(fast, policy, 1);
        remaining(fast, policy, policy.capacity());
        settle(policy, new Receipt(id, 9, 0, 1), policy.capacity() + 20);
        assertEquals(0, remaining(fast, policy, 0), "a key in debt");
        refund(policy, 1, chargedAt(reserved));
        assertThrows(CompletionException.class, () -> remaining(fast, policy, 0));
        refund(policy, policy.capacity(), LimitState.LATEST);
        refund(policy, policy.capacity(), LimitState.LATEST);
        assertEquals(policy.capacity() - 1, remaining(fast, policy, 1));
    }

    private long remaining(Dispatcher dispatcher, Policy policy, long permits) {
        PendingDecision request = new PendingDecision(new EncodedPolicy.Cache(namespace).of(policy), "key", permits);
        dispatcher.sendShared(request);
        return request.join().remaining();
    }

    @Test
    void reservationsAreBounded() {
        VirtualClock clock = new VirtualClock(1_790_000_000_000_000L);
        RedisBackend withClock = new RedisBackend(Redis.connection(), namespace, clock);
        Policy policy = Policy.of("p", "1000000/day fixed");
        List<UUID> ids =
                IntStream.range(0, 1_000).mapToObj(i -> UUID.randomUUID()).toList();
        for (UUID id : ids) {
            clock.advance(1);
            assertTrue(withClock
                    .reserve(policy, "key", id, 10, 3_600 * SECOND)
                    .toCompletableFuture()
                    .join()
                    .allowed());
        }
        assertEquals(16 + 3 + 1_000 * RESERVATION, size(policy));
        String full = server.get(name(policy));
        Decision denied = withClock
                .reserve(policy, "key", UUID.randomUUID(), 10, SECOND)
                .toCompletableFuture()
                .join();
        assertEquals(full, server.get(name(policy)));
        assertFalse(denied.allowed());
        assertEquals(List.of(), denied.deniedBy());
        assertEquals(990_000, denied.remaining());
        assertEquals(3_600 * SECOND - 999, denied.retryAfterMicros());
        clock.advance(denied.retryAfterMicros());
        assertTrue(withClock
                .reserve(policy, "key", UUID.randomUUID(), 10, SECOND)
                .toCompletableFuture()
                .join()
                .allowed());
        clock.advance(999);
        withClock.acquire(policy, "key", 1).toCompletableFuture().join();
        assertEquals(16 + 3 + RESERVATION, size(policy));
    }

    /** By the server's clock and to the millisecond. */
    @Test
    void keyLivesUntilItsLastReservationExpires() {
        Policy policy = Policy.of("p", "1000/s");
        UUID id = UUID.randomUUID();
        Decision reserved = reserve(policy, id, 1, 3_600 * SECOND);
        for (int i = 0; i < 3; i++) {
            long left = server.pttl(name(policy));
            long passed = passedMillis(reserved);
            assertTrue(left <= 3_600_001 && left >= 3_600_000 - passed, () -> left + " ms left");
            if (i == 0) {
                acquire(policy, 1);
            } else {
                reserve(policy, UUID.randomUUID(), 1, SECOND);
            }
        }
        settle(policy, receipt(id, 1, reserved, 3_600 * SECOND), 0);
        assertTrue(server.pttl(name(policy)) <= 1_001);
        Eventually.await("the key has expired", () -> server.exists(name(policy)) == 0);
    }

    private long passedMillis(Decision since) {
        List<String> time = server.time();
        long now = Long.parseLong(time.get(0)) * SECOND + Long.parseLong(time.get(1));
        return (now - chargedAt(since)) / 1_000 + 1;
    }

    @ParameterizedTest
    @ValueSource(strings = {"100/min", "100/min sliding", "100/min fixed", "100/min; 100/h sliding; 100/day fixed"})
    void keyWithoutPermitsAndReservationsIsDeleted(String limits) {
        Policy policy = Policy.of("p", limits);
        UUID id = UUID.randomUUID();
        settle(policy, receipt(id, 9, acquire(policy, 0), SECOND), 9);
        refund(policy, 9, 1);
        assertEquals(0, server.exists(name(policy)));
        Decision reserved = reserve(policy, id, 9, 60 * SECOND);
        assertEquals(1, server.exists(name(policy)));
        assertEquals(
                Outcome.SETTLED,
                settle(policy, receipt(id, 9, reserved, 60 * SECOND), 0).outcome());
        assertEquals(0, server.exists(name(policy)));
        assertTrue(reserve(policy, id, 101, 60 * SECOND).deniedBy().size() > 0);
        assertEquals(0, server.exists(name(policy)));
    }

    @Test
    void keyWithForeignContentIsNotChanged() {
        Policy policy = Policy.of("p", "10/min");
        UUID id = UUID.randomUUID();
        String front = Character.toString(254);
        for (String text : new String[] {"hello", front, front + "\0\1", front + "\0\1" + "x".repeat(40)}) {
            server.set(name(policy), text);
            for (Runnable call : List.<Runnable>of(
                    () -> reserve(policy, id, 1, SECOND),
                    () -> settle(policy, new Receipt(id, 1, 0, 0), 5),
                    () -> refund(policy, 1, 1))) {
                assertInstanceOf(
                        NonRetryableStoreException.class,
                        assertThrows(CompletionException.class, call::run).getCause());
                assertEquals(text, server.get(name(policy)));
            }
        }
    }

    /** The rules travel with the call, like the limits. */
    @Test
    void expiredReservationIsRefundedIfItsRulesSaidSo() {
        VirtualClock clock = new VirtualClock(1_790_000_000_000_000L);
        RedisBackend withClock = new RedisBackend(Redis.connection(), namespace, clock);
        Policy kept = Policy.of("p", "100/366day fixed");
        Policy given = kept.withReservations(new ReservationRules(1_000, 0, true));
        withClock
                .reserve(kept, "key", UUID.randomUUID(), 7, SECOND)
                .toCompletableFuture()
                .join();
        withClock
                .reserve(given, "key", UUID.randomUUID(), 30, SECOND)
                .toCompletableFuture()
                .join();
        clock.advance(SECOND - 1);
        assertEquals(
                63, withClock.peek(kept, "key", 1).toCompletableFuture().join().remaining());
        clock.advance(1);
        assertEquals(
                93, withClock.peek(kept, "key", 1).toCompletableFuture().join().remaining());
    }
}
