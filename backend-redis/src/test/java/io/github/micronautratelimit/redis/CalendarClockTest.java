package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.FixedWindow;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Calendar quotas where the clock of the caller, which tells the windows, is far from that of the server. */
@NeedsRedis
class CalendarClockTest extends GoldenTraceContract {

    private final String namespace = "calendar-" + UUID.randomUUID();

    /** Replays all traces with a caller whose clock is forty days slow. */
    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest(-TimeUnit.DAYS.toMicros(40));
    }

    /** Returns quotas of each unit, none of which is near a boundary now. */
    private static List<String> quotas() {
        ZonedDateTime now = ZonedDateTime.now(ZoneOffset.UTC);
        String zone = ZoneOffset.ofHours(12 - now.getHour()).getId();
        ZonedDateTime local = now.withZoneSameInstant(ZoneOffset.of(zone));
        return List.of(
                "9/day " + (zone.equals("Z") ? "UTC" : zone),
                "9/week from " + local.getDayOfWeek().plus(3) + "; 99/s",
                "9/month from " + ((local.getDayOfMonth() + 14) % 28 + 1),
                "9/year from " + local.getMonth().plus(6) + " Asia/Kathmandu; 99/366day fixed");
    }

    @ParameterizedTest
    @ValueSource(longs = {-400, -40, -1, 0, 1, 31, 366, 4000})
    void serverClockPicksTheWindow(long daysOff) {
        long off = TimeUnit.DAYS.toMicros(daysOff);
        RedisBackend backend = new RedisBackend(
                Redis.connection(), namespace, null, () -> MicroClock.system().micros() + off);
        for (String text : quotas()) {
            Policy policy = Policy.of("p" + daysOff, text);
            FixedWindow quota = (FixedWindow) policy.rateLimits().get(0);
            join(backend.reset(policy, text));
            for (int i = 1; i <= 9; i++) {
                assertEquals(9 - i, join(backend.acquire(policy, text, 1)).remaining(), text);
            }
            Decision denied = join(backend.acquire(policy, text, 1));
            long end = quota.startOf(quota.windowAt(MicroClock.system().micros()) + 1);
            long left = end - MicroClock.system().micros();
            assertTrue(Math.abs(denied.retryAfterMicros() - left) < 60_000_000, () -> denied + " of " + left);
            Limit.Usage usage = join(backend.usage(policy, text)).get(0);
            assertEquals(9, usage.used());
            assertEquals(end, usage.resetsAt().getEpochSecond() * 1_000_000);
            join(backend.refund(policy, text, 9, LimitState.LATEST));
            assertTrue(join(backend.peek(policy, text, 9)).allowed());
        }
    }

    /**
     * Nothing is charged twice, and the second call is made once: later calls allow for the difference of the clocks.
     */
    @ParameterizedTest
    @ValueSource(longs = {-40, 400})
    void callIsSentTwiceOnlyTheFirstTime(long daysOff) {
        RedisBackend backend = new RedisBackend(
                Redis.connection(),
                namespace,
                null,
                () -> MicroClock.system().micros() + TimeUnit.DAYS.toMicros(daysOff));
        Policy quota = Policy.of("once" + daysOff, "100/month");
        Policy plain = Policy.of("plain" + daysOff, "100/day fixed");
        join(backend.peek(plain, "key", 0));
        long before = Redis.commandsSent();
        join(backend.acquire(quota, "key", 1));
        assertEquals(2, Redis.commandsSent() - before, "the first call is made again");
        join(backend.acquire(quota, "key", 1));
        join(backend.acquireAll(List.of(
                new PermitRequest(plain, "key", 1),
                new PermitRequest(quota, "key", 1),
                new PermitRequest(Policy.of("other" + daysOff, "5/week"), "key", 1))));
        assertEquals(4, Redis.commandsSent() - before, "later calls are made once");
        assertEquals(3, join(backend.usage(quota, "key")).get(0).used());
        assertEquals(1, join(backend.usage(plain, "key")).get(0).used());
    }

    /** In one call of several policies, those without calendar quotas are decided at once and not again. */
    @ParameterizedTest
    @ValueSource(ints = {1, 5})
    void batchOfSeveralPoliciesIsDecidedOnce(int costs) {
        RedisBackend backend = new RedisBackend(
                Redis.connection(), namespace, null, () -> MicroClock.system().micros() - TimeUnit.DAYS.toMicros(40));
        Policy quota = Policy.of("batch" + costs, "100/month");
        List<Decision> decisions = join(backend.acquireBatch(quota, "key", Collections.nCopies(costs, 2L)));
        assertEquals(100 - 2 * costs, decisions.get(costs - 1).remaining());
        Policy plain = Policy.of("both" + costs, "100/h");
        Policy week = Policy.of("week" + costs, "100/week");
        RedisBackend off = new RedisBackend(
                Redis.connection(), namespace, null, () -> MicroClock.system().micros() - TimeUnit.DAYS.toMicros(40));
        List<Decision> all = join(
                off.acquireAll(List.of(new PermitRequest(plain, "key", costs), new PermitRequest(week, "key", costs))));
        assertTrue(all.stream().allMatch(Decision::allowed), all::toString);
        assertEquals(costs, join(off.usage(plain, "key")).get(0).used());
        assertEquals(costs, join(off.usage(week, "key")).get(0).used());
    }

    private static <T> T join(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }
}
