package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.hotkey.DenyCache;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.tck.ByteCounter;
import io.github.micronautratelimit.tck.CostTable;
import io.github.micronautratelimit.tck.VirtualClock;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/**
 * Measures the cost of each step and compares it with the table in {@code docs/cost.adoc}. Bytes are those of HTTP
 * between the client and DynamoDB Local. A write, even a failed one, and a consistent read cost one unit each, because
 * items are not larger than 1 KB, see {@link ItemTest}.
 */
@Timeout(120)
class CostTest {

    /** An example: the on-demand price in us-east-1. */
    private static final BigDecimal MILLION_WRITES = new BigDecimal("0.625");

    private static final BigDecimal MILLION_READS = new BigDecimal("0.125");
    private static final String CLIENT = "203.0.113.7";
    private static final Policy BUCKET = Policy.of("api", "100/min");
    private static final Policy SLOTS = Policy.of("jobs", "1 concurrent");

    private final String namespace = "shop-" + UUID.randomUUID().toString().substring(0, 4);
    private final VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
    private final ByteCounter wire = new ByteCounter(LocalDynamoDb.endpoint().getPort());
    private final DynamoDbClient client = LocalDynamoDb.builder()
            .endpointOverride(URI.create("http://127.0.0.1:" + wire.port()))
            .build();
    private final CountingClient counted = new CountingClient(client);
    private final DynamoDbBackend backend = instance();
    private final CostTable table = new CostTable(
            Path.of("../docs/cost.adoc"),
            "dynamodb",
            "Step",
            "Requests",
            "Write units",
            "Read units",
            "Bytes sent",
            "Bytes received",
            "Example: $ a million");

    private DynamoDbBackend instance() {
        return new DynamoDbBackend(counted, LocalDynamoDb.TABLE, namespace, clock, () -> {});
    }

    @AfterEach
    void close() {
        client.close();
        wire.close();
    }

    @Test
    void costsAreThoseInTheGuide() {
        limit("token bucket", BUCKET);
        limit("fixed window", Policy.of("fix", "100/min fixed"));
        limit("sliding window", Policy.of("slide", "100/min sliding"));
        limit("three limits of a policy", Policy.of("three", "10/s burst 100; 1000/h sliding; 10000/day fixed"));
        twoPolicies();
        Policy spent = Policy.of("spent", "1/day");
        RateLimitBackend caching = new DenyCache(backend, clock, Duration.ofSeconds(1));
        backend.acquire(spent, CLIENT, 1).toCompletableFuture().join();
        caching.acquire(spent, CLIENT, 1).toCompletableFuture().join();
        step("denial known from the deny cache", () -> caching.acquire(spent, CLIENT, 1));
        step(
                "32 requests of a key at once: granted",
                () -> backend.acquireBatch(Policy.of("hot", "1000/min"), CLIENT, Collections.nCopies(32, 1L)));
        step("peek", () -> backend.peek(BUCKET, CLIENT, 1));
        step("refund", () -> backend.refund(BUCKET, CLIENT, 1, LimitState.LATEST));
        reservations();
        step("block", () -> backend.block(BUCKET, CLIENT, 60_000_000));
        step("denial of a blocked key", () -> backend.acquire(BUCKET, CLIENT, 1));
        step("reset", () -> backend.reset(BUCKET, CLIENT));
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
                true,
                step(name + ": granted (key not cached)", () -> instance().acquire(policy, CLIENT, 1))
                        .allowed());
        assertEquals(
                false,
                step(name + ": denied (not predicted)", () -> instance().acquire(policy, CLIENT, 60))
                        .allowed());
        backend.acquire(policy, CLIENT, 60).toCompletableFuture().join();
        assertEquals(
                false,
                step(name + ": denied (predicted)", () -> backend.acquire(policy, CLIENT, 60))
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
                step("two policies: the second denies", () -> backend.acquireAll(requests))
                        .get(1)
                        .allowed());
    }

    private void reservations() {
        Policy policy = Policy.of("tokens", "1000/min");
        var charged = (Decision.Allowed)
                backend.acquire(policy, CLIENT, 10).toCompletableFuture().join();
        step("refund of a charge", () -> backend.refund(policy, CLIENT, 10, charged.chargedAtMicros()));
        UUID id = UUID.randomUUID();
        var reserved =
                (Decision.Allowed) step("reservation", () -> backend.reserve(policy, CLIENT, id, 10, 60_000_000));
        var receipt =
                new Reservation.Receipt(id, 10, reserved.chargedAtMicros(), reserved.chargedAtMicros() + 60_000_000);
        step("charge beside a reservation", () -> backend.acquire(policy, CLIENT, 1));
        step("settlement", () -> backend.settle(policy, CLIENT, receipt, 7));
        step("settlement of a settled reservation", () -> backend.settle(policy, CLIENT, receipt, 7));
    }

    private void slots(ConcurrencyBackend slots) {
        UUID holder = UUID.randomUUID();
        assertEquals(
                true,
                step("slot: acquired", () -> slots.acquire(SLOTS, CLIENT, holder))
                        .allowed());
        assertEquals(
                false,
                step("slot: denied", () -> slots.acquire(SLOTS, CLIENT, UUID.randomUUID()))
                        .allowed());
        assertEquals(true, step("slot: renewed", () -> slots.renew(SLOTS, CLIENT, holder)));
        step("slot: released", () -> slots.release(SLOTS, CLIENT, holder));
    }

    private <T> T step(String name, Supplier<CompletionStage<T>> step) {
        long requests = counted.requests();
        long writes = counted.writes();
        long sent = wire.sent();
        long received = wire.received();
        T answer = step.get().toCompletableFuture().join();
        long written = counted.writes() - writes;
        long read = counted.requests() - requests - written;
        table.row(
                name,
                counted.requests() - requests,
                written,
                read,
                CostTable.about(wire.sent() - sent),
                CostTable.about(wire.received() - received),
                dollars(written, read));
        return answer;
    }

    private static BigDecimal dollars(long writes, long reads) {
        return MILLION_WRITES
                .multiply(BigDecimal.valueOf(writes))
                .add(MILLION_READS.multiply(BigDecimal.valueOf(reads)))
                .setScale(2, RoundingMode.HALF_UP);
    }
}
