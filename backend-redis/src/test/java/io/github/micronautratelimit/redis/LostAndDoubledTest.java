package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackendException;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.redis.server.TcpProxy;
import io.github.micronautratelimit.redis.server.TcpProxy.Fate;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.api.sync.RedisCommands;

/** A network that delivers a command twice, or loses it or its reply: it costs that call's permits, not for good. */
@NeedsRedis(ofItsOwn = true)
class LostAndDoubledTest {

    private final RedisClients clients = new RedisClients();
    private final RedisClients hasty = new RedisClients(Duration.ofMillis(500));
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
        direct = new RateLimiter(new RedisBackend(clients.connect(process.uri()), "rl"), List.of());
        through = new RateLimiter(new RedisBackend(hasty.connect(proxy.uri()), "rl"), List.of());
        direct.peek(Policy.of("warm", "1/s"), "", 0);
    }

    @AfterEach
    void stop() {
        clients.close();
        hasty.close();
        proxy.close();
        process.close();
    }

    /** The next decision's command only. */
    private void let(Fate fate) {
        AtomicInteger left = new AtomicInteger(1);
        proxy.let(command -> command.startsWith("EVAL") && left.getAndDecrement() > 0 ? fate : Fate.PASS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"10/s", "10/s sliding", "10/s fixed"})
    void whatArrivesTwiceIsPaidBackInTime(String limits) {
        Policy policy = Policy.of("p", limits);
        let(Fate.ARRIVE_TWICE);
        assertTrue(through.acquire(policy, "key", 3).allowed());
        Eventually.await("all free again", () -> direct.peek(policy, "key", 0).remaining() == 10);
        Eventually.await("the key is gone", () -> server.dbsize() == 0);
        assertTrue(through.acquire(policy, "key", 10).allowed());
    }

    @Test
    void whatArrivesTwiceIsChargedTwiceAndNoMore() {
        Policy policy = Policy.of("p", "10/day; 20/366day sliding; 10/366day fixed");
        let(Fate.ARRIVE_TWICE);
        assertEquals(7, through.acquire(policy, "key", 3).remaining());
        assertEquals(4, direct.peek(policy, "key", 0).remaining());
        assertEquals(1, through.acquire(policy, "key", 3).remaining());
    }

    /** A refund that arrives twice gives back no more than was taken. */
    @Test
    void whatIsGivenBackTwiceIsNeverMoreThanAll() {
        Policy policy = Policy.of("p", "10/day");
        through.acquire(policy, "key", 3);
        let(Fate.ARRIVE_TWICE);
        through.refund(policy, "key", 3);
        assertEquals(10, direct.peek(policy, "key", 0).remaining());
        assertTrue(direct.acquire(policy, "key", 10).allowed());
        assertFalse(direct.acquire(policy, "key", 1).allowed());
    }

    @Test
    void aReplyThatNeverComesFailsTheCallInTime() {
        Policy policy = Policy.of("p", "10/366day");
        proxy.let(command -> command.startsWith("EVAL") ? Fate.LOSE_REPLY : Fate.PASS);
        for (int i = 1; i <= 3; i++) {
            RateLimitBackendException e =
                    assertThrows(RateLimitBackendException.class, () -> through.acquire(policy, "key", 2));
            assertInstanceOf(TimeoutException.class, e.getCause());
            assertInstanceOf(RedisCommandTimeoutException.class, e.getCause().getCause());
            assertEquals(10 - 2 * i, direct.peek(policy, "key", 0).remaining());
        }
    }

    /** The client may send again what it has no answer to: answered or failed, it costs its permits twice at most. */
    @ParameterizedTest
    @EnumSource(value = Fate.class, names = {"BREAK_BEFORE_REPLY", "BREAK_BEFORE_ARRIVAL"})
    void aConnectionThatBreaksCostsTheCallOnly(Fate fate) {
        Policy policy = Policy.of("p", "10/366day");
        let(fate);
        long granted = 0;
        try {
            granted = through.acquire(policy, "key", 2).allowed() ? 2 : 0;
            assertEquals(2, granted);
        } catch (RateLimitBackendException e) {
            assertInstanceOf(TimeoutException.class, e.getCause());
        }
        long spent = 10 - direct.peek(policy, "key", 0).remaining();
        assertTrue(granted <= spent && spent <= 4, "granted " + granted + ", spent " + spent);
        Eventually.await("it is connected again", () -> decides(policy));
        assertEquals(10 - spent - 1, direct.peek(policy, "key", 0).remaining());
    }

    private boolean decides(Policy policy) {
        try {
            Decision decision = through.acquire(policy, "key", 1);
            return decision.allowed();
        } catch (RateLimitBackendException e) {
            return false;
        }
    }
}
