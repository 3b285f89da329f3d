package io.github.micronautratelimit.dynamodb;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;

import com.amazonaws.services.dynamodbv2.local.embedded.DynamoDBEmbedded;

import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;

/** Calls DynamoDB Local without a wire, and counts the requests, and those of them that write or fail to. */
final class CountingClient implements Table.Client {

    static final String TABLE = "contract";
    static final DynamoDbClient STORE = open();

    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong reads = new AtomicLong();

    private static DynamoDbClient open() {
        DynamoDbClient client = DynamoDBEmbedded.create().dynamoDbClient();
        Tables.create(client, TABLE);
        return client;
    }

    @Override
    public <T extends SdkResponse> CompletionStage<T> call(
            Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
        requests.incrementAndGet();
        try {
            T response = blocking.apply(STORE);
            if (response instanceof GetItemResponse) {
                reads.incrementAndGet();
            }
            return CompletableFuture.completedFuture(response);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    long requests() {
        return requests.get();
    }

    /** Writes, also failed ones: each costs a unit, for no item is larger than 1 KB. */
    long writes() {
        return requests.get() - reads.get();
    }
}
