package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Outcome;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.redis.server.TcpProxy;
import io.github.micronautratelimit.redis.server.TcpProxy.Fate;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A network that delivers a command twice, or loses it or its reply, costs at most the permits of that call. */
@NeedsRedis(ofItsOwn = true)
class LostAndDuplicatedCallsTest {

    private final RedisClients clients = new RedisClients();
    private final RedisClients impatient = new RedisClients(Duration.ofMillis(500));
    private RedisProcess process;
    private TcpProxy proxy;
    private RedisCommands<String, String> server;
    private RateLimiter direct;
    private RateLimiter through;

    @BeforeEach
    void start() {
        process = RedisProcess.start();
        proxy = new TcpProxy(process.port());
        server = clients.server(process.uri());
        direct = RateLimiter.builder(new RedisBackend(clients.connect(process.uri()), "rl"))
                .unguarded()
                .build();
        through = RateLimiter.builder(new RedisBackend(impatient.connect(proxy.uri()), "rl"))
                .unguarded()
                .build();
        direct.peek(Policy.of("warm", "1/s"), "", 0);
    }

    @AfterEach
    void stop() {
        clients.close();
        impatient.close();
        proxy.close();
        process.close();
    }

    /** Applies the fate only to the command of the next decision. */
    private void let(Fate fate) {
        AtomicInteger left = new AtomicInteger(1);
        proxy.let(command -> command.startsWith("EVAL") && left.getAndDecrement() > 0 ? fate : Fate.PASS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10/s", "10/s sliding", "10/s fixed"})
    void permitsOfADuplicatedCallReturnWithTime(String limits) {
        Policy policy = Policy.of("p", limits);
        let(Fate.ARRIVE_TWICE);
        assertTrue(through.tryAcquire(policy, "key", 3).allowed());
        Eventually.await(
                "all permits are free again",
                () -> direct.peek(policy, "key", 0).remaining() == 10);
        Eventually.await("the key has expired", () -> server.dbsize() == 0);
        assertTrue(through.tryAcquire(policy, "key", 10).allowed());
    }

    @Test
    void duplicatedCallIsChargedTwiceAndNoMore() {
        Policy policy = Policy.of("p", "10/day; 20/366day sliding; 10/366day fixed");
        let(Fate.ARRIVE_TWICE);
        assertEquals(7, through.tryAcquire(policy, "key", 3).remaining());
        assertEquals(4, direct.peek(policy, "key", 0).remaining());
        assertEquals(1, through.tryAcquire(policy, "key", 3).remaining());
    }

    @Test
    void duplicatedRefundFreesNoMoreThanAllPermits() {
        Policy policy = Policy.of("p", "10/day");
        through.tryAcquire(policy, "key", 3);
        let(Fate.ARRIVE_TWICE);
        through.refund(policy, "key", 3);
        assertEquals(10, direct.peek(policy, "key", 0).remaining());
        assertTrue(direct.tryAcquire(policy, "key", 10).allowed());
        assertFalse(direct.tryAcquire(policy, "key", 1).allowed());
    }

    @Test
    void duplicatedReservationIsChargedOnce() {
        Policy policy = Policy.of("p", "10/day; 20/366day sliding");
        let(Fate.ARRIVE_TWICE);
        Reservation reservation = reserve(policy, 3);
        assertEquals(7, reservation.decision().remaining());
        assertEquals(7, direct.peek(policy, "key", 0).remaining());
        let(Fate.ARRIVE_TWICE);
        Settlement settlement = reservation.settle(5).toCompletableFuture().join();
        assertEquals(Outcome.SETTLED, settlement.outcome());
        assertEquals(5, direct.peek(policy, "key", 0).remaining());
        assertEquals(
                Outcome.UNKNOWN,
                reservation.settle(5).toCompletableFuture().join().outcome());
        assertEquals(5, direct.peek(policy, "key", 0).remaining());
    }

    @ParameterizedTest
    @CsvSource({"BREAK_BEFORE_REPLY, UNKNOWN", "BREAK_BEFORE_ARRIVAL, SETTLED"})
    void settlementWithoutReplyMayBeRepeated(Fate fate, Outcome repeated) {
        Policy policy = Policy.of("p", "10/366day fixed");
        RedisBackend backend = reconnecting();
        RateLimiter limiter = RateLimiter.builder(backend).unguarded().build();
        Reservation reservation =
                limiter.async().reserve(policy, "key", 6).toCompletableFuture().join();
        let(fate);
        CompletableFuture<Settlement> lost = reservation.settle(2).toCompletableFuture();
        assertThrows(CompletionException.class, lost::join);
        Eventually.await("the client is connected again", () -> decides(limiter, Policy.of("other", "1/us")));
        assertEquals(
                repeated, reservation.settle(2).toCompletableFuture().join().outcome());
        assertEquals(8, direct.peek(policy, "key", 0).remaining());
    }

    /** A caller that has lost the reply reserves again under the same id, and can settle by the time of the charge. */
    @ParameterizedTest
    @ValueSource(strings = {"BREAK_BEFORE_REPLY", "BREAK_BEFORE_ARRIVAL"})
    void reservationWithoutReplyMayBeRepeated(Fate fate) {
        Policy policy = Policy.of("p", "10/366day fixed");
        RedisBackend backend = reconnecting();
        RateLimiter limiter = RateLimiter.builder(backend).unguarded().build();
        UUID id = UUID.randomUUID();
        let(fate);
        CompletableFuture<Decision> lost =
                backend.reserve(policy, "key", id, 6, 60_000_000).toCompletableFuture();
        assertThrows(CompletionException.class, lost::join);
        assertEquals(
                fate == Fate.BREAK_BEFORE_REPLY ? 4 : 10,
                direct.peek(policy, "key", 0).remaining());
        Eventually.await("the client is connected again", () -> decides(limiter, Policy.of("other", "1/us")));
        Decision again = backend.reserve(policy, "key", id, 6, 60_000_000)
                .toCompletableFuture()
                .join();
        assertEquals(4, again.remaining());
        long chargedAt = assertInstanceOf(Decision.Allowed.class, again).chargedAtMicros();
        Reservation.Receipt receipt = new Reservation.Receipt(id, 6, chargedAt, chargedAt + 60_000_000);
        assertEquals(
                Outcome.SETTLED,
                backend.settle(policy, "key", receipt, 0)
                        .toCompletableFuture()
                        .join()
                        .outcome());
        assertEquals(10, direct.peek(policy, "key", 0).remaining());
    }

    private Reservation reserve(Policy policy, long estimate) {
        return through.async()
                .reserve(policy, "key", estimate)
                .toCompletableFuture()
                .join();
    }

    @Test
    void missingReplyFailsTheCallInTime() {
        Policy policy = Policy.of("p", "10/366day");
        proxy.let(command -> command.startsWith("EVAL") ? Fate.LOSE_REPLY : Fate.PASS);
        for (int i = 1; i <= 3; i++) {
            RateLimitBackendException e =
                    assertThrows(RateLimitBackendException.class, () -> through.tryAcquire(policy, "key", 2));
            assertInstanceOf(TimeoutException.class, e.getCause());
            assertInstanceOf(RedisCommandTimeoutException.class, e.getCause().getCause());
            assertEquals(10 - 2 * i, direct.peek(policy, "key", 0).remaining());
        }
    }

    /** The client does not send a command again that was in flight, so a call costs its permits at most once. */
    @ParameterizedTest
    @CsvSource({"BREAK_BEFORE_REPLY, 2", "BREAK_BEFORE_ARRIVAL, 0"})
    void callOfBrokenConnectionIsChargedAtMostOnce(Fate fate, long cost) {
        Policy policy = Policy.of("p", "1000/366day");
        RateLimiter limiter = RateLimiter.builder(reconnecting()).unguarded().build();
        long left = 1000;
        for (int i = 0; i < 10; i++) {
            let(fate);
            RateLimitBackendException e =
                    assertThrows(RateLimitBackendException.class, () -> limiter.tryAcquire(policy, "key", 2));
            assertInstanceOf(TimeoutException.class, e.getCause());
            Eventually.await("the client is connected again", () -> decides(limiter, policy));
            left -= cost + 1;
            assertEquals(left, direct.peek(policy, "key", 0).remaining());
        }
    }

    /** Returns a backend on a client with the options of the library. */
    private RedisBackend reconnecting() {
        RedisClient client = clients.client(proxy.uri());
        client.setOptions(RedisConnectionSettings.parse("redis.uri", List.of(proxy.uri()), false)
                .clientOptions());
        return new RedisBackend(client.connect(ByteArrayCodec.INSTANCE), "rl");
    }

    private static boolean decides(RateLimiter limiter, Policy policy) {
        try {
            return limiter.tryAcquire(policy, "key", 1).allowed();
        } catch (RateLimitBackendException e) {
            return false;
        }
    }
}
