package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.hotkey.DenyCache;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.tck.ByteCounter;
import io.github.micronautratelimit.tck.CostTable;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.event.command.CommandListener;
import io.lettuce.core.event.command.CommandStartedEvent;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Checks the tables of {@code docs/cost.adoc}. Bytes are those of commands and replies, without the overhead of TCP.
 */
@NeedsRedis(ofItsOwn = true)
@Timeout(120)
class CostTest {

    private static final Path COSTS = Path.of("../docs/cost.adoc");
    private static final Pattern CALLS =
            Pattern.compile("cmdstat_(?!config|info|evalsha|client|hello)([a-z|]+):calls=(\\d+)");
    private static final String CLIENT = "203.0.113.7";
    private static final Policy BUCKET = Policy.of("api", "100/day");
    private static final Policy SLOTS = Policy.of("jobs", "1 concurrent");

    private final RedisProcess process = RedisProcess.start();
    private final ByteCounter wire = new ByteCounter(process.port());
    private final AtomicLong calls = new AtomicLong();
    private final RedisClient client = counted(RedisClient.create("redis://127.0.0.1:" + wire.port()));
    private final RedisClient uncounted = RedisClient.create(process.uri());
    private final RedisCommands<String, String> server = uncounted.connect().sync();
    private final StatefulRedisConnection<byte[], byte[]> connection = client.connect(ByteArrayCodec.INSTANCE);
    private final RedisBackend backend = new RedisBackend(connection, "shop");
    private final CostTable table =
            new CostTable(COSTS, "redis", "Step", "Calls", "Commands inside", "Bytes sent", "Bytes received");

    /** The traffic since the start. */
    private record Traffic(long calls, long sent, long received) {}

    private Traffic traffic() {
        return new Traffic(calls.get(), wire.sent(), wire.received());
    }

    private RedisClient counted(RedisClient client) {
        client.addListener(new CommandListener() {
            @Override
            public void commandStarted(CommandStartedEvent event) {
                calls.incrementAndGet();
            }
        });
        return client;
    }

    @AfterEach
    void close() {
        client.shutdown();
        uncounted.shutdown();
        wire.close();
        process.close();
    }

    @Test
    void stepsCostWhatTheGuideStates() throws InterruptedException {
        RedisBackend.loadScripts(connection).toCompletableFuture().join();
        limit("token bucket", BUCKET);
        limit("fixed window", Policy.of("fix", "100/366day fixed"));
        limit("calendar quota", Policy.of("cal", "100/year"));
        limit("sliding window", Policy.of("slide", "100/day sliding"));
        limit("three limits of a policy", Policy.of("three", "100/day; 1000/day sliding; 10000/366day fixed"));
        twoPolicies();
        Policy spent = Policy.of("spent", "1/day");
        RateLimitBackend denyCache = new DenyCache(backend, MicroClock.system(), Duration.ofMinutes(1));
        backend.acquire(spent, CLIENT, 1).toCompletableFuture().join();
        denyCache.acquire(spent, CLIENT, 1).toCompletableFuture().join();
        step("denial known from the deny cache", () -> denyCache.acquire(spent, CLIENT, 1));
        shared();
        step("peek", () -> backend.peek(BUCKET, CLIENT, 1));
        step("usage", () -> backend.usage(BUCKET, CLIENT));
        step("refund", () -> backend.refund(BUCKET, CLIENT, 1, LimitState.LATEST));
        step("block", () -> backend.block(BUCKET, CLIENT, 60_000_000));
        step("denial of a blocked key", () -> backend.acquire(BUCKET, CLIENT, 1));
        step("reset", () -> backend.reset(BUCKET, CLIENT));
        reservations();
        slots(backend.concurrency());
        table.check();
    }

    private void limit(String name, Policy policy) {
        backend.acquire(policy, CLIENT, 1).toCompletableFuture().join();
        assertEquals(
                true,
                step(name + ": granted", () -> backend.acquire(policy, CLIENT, 50))
                        .allowed());
        assertEquals(
                false,
                step(name + ": denied", () -> backend.acquire(policy, CLIENT, 60))
                        .allowed());
    }

    private void twoPolicies() {
        List<PermitRequest> requests = List.of(
                new PermitRequest(Policy.of("user", "9/min"), CLIENT, 1),
                new PermitRequest(Policy.of("day", "2/day"), CLIENT, 1));
        backend.acquireAll(requests).toCompletableFuture().join();
        assertEquals(
                true,
                step("two policies: both grant", () -> backend.acquireAll(requests))
                        .get(1)
                        .allowed());
        assertEquals(
                false,
                step("two policies: one denies", () -> backend.acquireAll(requests))
                        .get(1)
                        .allowed());
    }

    @SuppressWarnings("try") // Busy is only opened and closed.
    private void shared() throws InterruptedException {
        Policy hot = Policy.of("hot", "1000/min");
        List<CompletionStage<Decision>> stages = new ArrayList<>();
        Traffic before;
        try (BatchTest.Busy busy = new BatchTest.Busy(backend)) {
            before = traffic();
            server.configResetstat();
            for (int i = 0; i < 32; i++) {
                stages.add(backend.acquire(hot, CLIENT, 1));
            }
        }
        stages.forEach(stage -> stage.toCompletableFuture().join());
        addRow("32 requests of a key at once: granted", before);
    }

    private void reservations() {
        Policy policy = Policy.of("tokens", "1000/day");
        UUID id = UUID.randomUUID();
        var charged = (Decision.Allowed)
                backend.acquire(policy, CLIENT, 10).toCompletableFuture().join();
        step("refund of a charge", () -> backend.refund(policy, CLIENT, 10, charged.chargedAtMicros()));
        var reserved =
                (Decision.Allowed) step("reservation", () -> backend.reserve(policy, CLIENT, id, 10, 60_000_000));
        Reservation.Receipt receipt =
                new Reservation.Receipt(id, 10, reserved.chargedAtMicros(), reserved.chargedAtMicros() + 60_000_000);
        step("charge beside a reservation", () -> backend.acquire(policy, CLIENT, 1));
        assertEquals(
                Reservation.Outcome.SETTLED,
                step("settlement", () -> backend.settle(policy, CLIENT, receipt, 7))
                        .outcome());
        assertEquals(
                Reservation.Outcome.UNKNOWN,
                step("settlement of a settled reservation", () -> backend.settle(policy, CLIENT, receipt, 7))
                        .outcome());
    }

    private void slots(ConcurrencyBackend concurrency) {
        UUID holder = UUID.randomUUID();
        assertEquals(
                true,
                step("slot: acquired", () -> concurrency.acquire(SLOTS, CLIENT, holder))
                        .allowed());
        assertEquals(
                false,
                step("slot: denied", () -> concurrency.acquire(SLOTS, CLIENT, UUID.randomUUID()))
                        .allowed());
        assertEquals(true, step("slot: renewed", () -> concurrency.renew(SLOTS, CLIENT, holder)));
        step("slot: released", () -> concurrency.release(SLOTS, CLIENT, holder));
    }

    /** In a cluster, keys on different nodes are acquired in turn and refunded. */
    @Test
    void keysOfOneClientShareACallInACluster() {
        CostTable cluster =
                new CostTable(COSTS, "redis-cluster", "Two policies on one request", "Both grant", "The second denies");
        cluster.row("of one client", inCluster(CLIENT, 9), inCluster(CLIENT, 1));
        cluster.row("of keys in different slots", inCluster("198.51.100.23", 9), inCluster("198.51.100.23", 1));
        cluster.check();
    }

    private long inCluster(String other, int most) {
        RedisBackend ofCluster = new RedisBackend(ClusterOfRedis.connection(), "cost-" + UUID.randomUUID());
        PermitRequest first = new PermitRequest(Policy.of("wide", "9/min"), CLIENT, 1);
        PermitRequest second = new PermitRequest(Policy.of("narrow", most + "/min"), other, 2);
        long before = ClusterOfRedis.commandsSent();
        List<Decision> decisions = ofCluster
                .acquireAll(List.of(first, second))
                .toCompletableFuture()
                .join();
        assertEquals(most > 1, decisions.stream().allMatch(Decision::allowed));
        return ClusterOfRedis.commandsSent() - before;
    }

    private <T> T step(String name, Supplier<CompletionStage<T>> step) {
        server.configResetstat();
        Traffic before = traffic();
        T answer = step.get().toCompletableFuture().join();
        addRow(name, before);
        return answer;
    }

    private void addRow(String name, Traffic before) {
        Traffic after = traffic();
        String inside = CALLS.matcher(server.info("commandstats"))
                .results()
                .map(CostTest::call)
                .sorted()
                .collect(Collectors.joining(" "));
        table.row(
                name,
                after.calls - before.calls,
                inside,
                CostTable.about(after.sent - before.sent),
                CostTable.about(after.received - before.received));
    }

    private static String call(MatchResult found) {
        return found.group(1).toUpperCase(Locale.ROOT) + (found.group(2).equals("1") ? "" : " x" + found.group(2));
    }
}
