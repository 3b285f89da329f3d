package io.github.micronautratelimit.dynamodb;

import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemRequest;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemResponse;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;
import software.amazon.awssdk.services.dynamodb.model.PutItemRequest;
import software.amazon.awssdk.services.dynamodb.model.PutItemResponse;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemResponse;

/** Makes the requests of a backend with a blocking client, on the calling thread. Subclasses intercept them. */
class InterceptedClient implements DynamoDbAsyncClient {

    private final DynamoDbClient store;

    InterceptedClient(DynamoDbClient store) {
        this.store = store;
    }

    /** Makes a request. */
    <T> CompletableFuture<T> call(Supplier<T> request) {
        try {
            return CompletableFuture.completedFuture(request.get());
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    @Override
    public final CompletableFuture<GetItemResponse> getItem(GetItemRequest request) {
        return call(() -> store.getItem(request));
    }

    @Override
    public final CompletableFuture<UpdateItemResponse> updateItem(UpdateItemRequest request) {
        return call(() -> store.updateItem(request));
    }

    @Override
    public final CompletableFuture<PutItemResponse> putItem(PutItemRequest request) {
        return call(() -> store.putItem(request));
    }

    @Override
    public final CompletableFuture<DeleteItemResponse> deleteItem(DeleteItemRequest request) {
        return call(() -> store.deleteItem(request));
    }

    @Override
    public final String serviceName() {
        return store.serviceName();
    }

    @Override
    public final void close() {}
}
