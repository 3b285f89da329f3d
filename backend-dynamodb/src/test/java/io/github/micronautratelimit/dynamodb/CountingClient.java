package io.github.micronautratelimit.dynamodb;

import com.amazonaws.services.dynamodbv2.local.embedded.DynamoDBEmbedded;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;

/** Counts requests, and the writes among them. By default it calls DynamoDB Local directly, without HTTP. */
final class CountingClient extends InterceptedClient {

    static final String TABLE = "contract";
    static final DynamoDbClient STORE = open();

    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong reads = new AtomicLong();

    CountingClient() {
        this(STORE);
    }

    CountingClient(DynamoDbClient store) {
        super(store);
    }

    private static DynamoDbClient open() {
        DynamoDbClient client = DynamoDBEmbedded.create().dynamoDbClient();
        Tables.create(client, TABLE);
        return client;
    }

    @Override
    <T> CompletableFuture<T> call(Supplier<T> request) {
        requests.incrementAndGet();
        return super.call(request).whenComplete((response, failure) -> {
            if (response instanceof GetItemResponse) {
                reads.incrementAndGet();
            }
        });
    }

    long requests() {
        return requests.get();
    }

    /** Returns the writes, including failed ones. Each costs a unit, because no item is larger than 1 KB. */
    long writes() {
        return requests.get() - reads.get();
    }
}
