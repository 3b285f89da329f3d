package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** The backend in a new namespace, on DynamoDB Local without HTTP. Each call is a round trip. */
class DynamoDbUnderTest implements BackendUnderTest {

    private static final DynamoDbClient STORE = CountingClient.STORE;
    private static final String TABLE = CountingClient.TABLE;

    private final CountingClient client = new CountingClient();
    private final String namespace = "test-" + UUID.randomUUID();
    private Duration aged = Duration.ZERO;

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        return new DynamoDbBackend(client, TABLE, namespace, clock, () -> {});
    }

    @Override
    public long roundTrips() {
        return client.requests();
    }

    @Override
    public long roundTripsPerDecision() {
        return 1;
    }

    @Override
    public long liveKeys() {
        return items().count();
    }

    private Stream<Map<String, AttributeValue>> items() {
        return STORE.scanPaginator(scan -> scan.tableName(TABLE).consistentRead(true)).items().stream()
                .filter(item -> item.get("pk").s().startsWith(namespace + ":"));
    }

    /** Items expire an hour after their state is empty by the clock of the test. */
    @Override
    public void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
        aged = aged.plus(duration);
        long real = System.currentTimeMillis() / 1_000;
        long virtual = clock.micros() / 1_000_000;
        long due = 3_600 + Math.max(virtual, real + aged.toSeconds());
        items().filter(item -> Long.parseLong(item.get("ttl").n()) <= due)
                .forEach(item ->
                        STORE.deleteItem(delete -> delete.tableName(TABLE).key(Map.of("pk", item.get("pk")))));
    }

    @Override
    public void close() {
        items().forEach(item ->
                STORE.deleteItem(delete -> delete.tableName(TABLE).key(Map.of("pk", item.get("pk")))));
    }
}
