package io.github.micronautratelimit.dynamodb;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DeleteItemRequest;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;
import software.amazon.awssdk.services.dynamodb.model.PutItemRequest;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemResponse;

/** The requests made of the table, whichever client makes them. */
final class Table {

    /** Whether a write was made, and the item it met, or of a conditional update made: empty if there was none. */
    record Outcome(boolean written, Map<String, AttributeValue> met) {
    }

    private final String name;
    private final Client client;
    private final @Nullable StoreClock clock;

    Table(String name, Client client, @Nullable StoreClock clock) {
        this.name = name;
        this.client = client;
        this.clock = clock;
    }

    /** A client's calls as stages. */
    interface Client {

        <T extends SdkResponse> CompletionStage<T> call(Function<DynamoDbClient, T> blocking,
                                                        Function<DynamoDbAsyncClient, CompletableFuture<T>> async);

        static Client of(DynamoDbAsyncClient client) {
            return new Client() {
                @Override
                public <T extends SdkResponse> CompletionStage<T> call(
                        Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
                    return async.apply(client);
                }
            };
        }

        /**
         * A request that has waited for a thread for as long as the client lets it take is not sent: nobody waits for it
         * any more, and behind a store that hung there may be thousands.
         */
        static Client of(DynamoDbClient client, Executor executor) {
            Optional<Duration> most = longestCall(client);
            return new Client() {
                @Override
                public <T extends SdkResponse> CompletionStage<T> call(
                        Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
                    long asked = System.nanoTime();
                    return CompletableFuture.supplyAsync(() -> {
                        if (most.isPresent() && System.nanoTime() - asked > most.get().toNanos()) {
                            throw new RejectedExecutionException("A request to DynamoDB found no thread for "
                                    + most.get().toMillis() + " ms and is not sent.");
                        }
                        return blocking.apply(client);
                    }, executor);
                }
            };
        }

        private static Optional<Duration> longestCall(DynamoDbClient client) {
            try {
                return client.serviceClientConfiguration().overrideConfiguration().apiCallTimeout();
            } catch (UnsupportedOperationException e) {
                // What the SDK's interface does for clients that are wrapped in one of somebody else's.
                return Optional.empty();
            }
        }
    }

    CompletionStage<Map<String, AttributeValue>> read(String key) {
        GetItemRequest request = GetItemRequest.builder().tableName(name).key(key(key)).consistentRead(true).build();
        return timed(() -> client.call(sync -> sync.getItem(request), async -> async.getItem(request)))
                .thenApply(GetItemResponse::item);
    }

    CompletionStage<Outcome> update(String key, Update update, long expires) {
        var request = update.request(name, key(key), expires);
        return outcome(() -> client.call(sync -> sync.updateItem(request), async -> async.updateItem(request)),
                UpdateItemResponse::attributes);
    }

    /** An update to be made if a condition holds, of which the new item is wanted. */
    record Conditional(String condition, String update, Map<String, String> names,
                       Map<String, AttributeValue> values) {
    }

    CompletionStage<Outcome> update(String key, Conditional change) {
        UpdateItemRequest request = UpdateItemRequest.builder().tableName(name).key(key(key))
                .conditionExpression(change.condition).updateExpression(change.update)
                .expressionAttributeNames(change.names).expressionAttributeValues(change.values)
                .returnValues(ReturnValue.ALL_NEW)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD).build();
        return outcome(() -> client.call(sync -> sync.updateItem(request), async -> async.updateItem(request)),
                UpdateItemResponse::attributes);
    }

    /** Puts an item in place of the one of a version, or of none. */
    CompletionStage<Outcome> put(Map<String, AttributeValue> item, @Nullable String version) {
        PutItemRequest.Builder request = PutItemRequest.builder().tableName(name).item(item)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD);
        if (version == null) {
            request.conditionExpression("attribute_not_exists(" + Item.KEY + ")");
        } else {
            request.conditionExpression(Item.VERSION + " = :v")
                    .expressionAttributeValues(Map.of(":v", AttributeValue.fromN(version)));
        }
        PutItemRequest put = request.build();
        return outcome(() -> client.call(sync -> sync.putItem(put), async -> async.putItem(put)), done -> Map.of());
    }

    CompletionStage<Void> delete(String key) {
        DeleteItemRequest request = DeleteItemRequest.builder().tableName(name).key(key(key)).build();
        return timed(() -> client.call(sync -> sync.deleteItem(request), async -> async.deleteItem(request)))
                .thenApply(done -> null);
    }

    private static Map<String, AttributeValue> key(String key) {
        return Map.of(Item.KEY, AttributeValue.fromS(key));
    }

    private <T extends SdkResponse> CompletionStage<Outcome> outcome(
            Supplier<CompletionStage<T>> call, Function<T, Map<String, AttributeValue>> met) {
        return timed(call).handle((response, failure) -> {
            if (failure == null) {
                return new Outcome(true, met.apply(response));
            }
            if (unwrapped(failure) instanceof ConditionalCheckFailedException refused) {
                return new Outcome(false, refused.hasItem() ? refused.item() : Map.of());
            }
            throw new CompletionException(Unanswered.or(unwrapped(failure)));
        });
    }

    /** Tells the clock what time it was when the store answered. */
    private <T extends SdkResponse> CompletionStage<T> timed(Supplier<CompletionStage<T>> call) {
        StoreClock told = clock;
        if (told == null) {
            return call.get();
        }
        long asked = told.machineTime();
        return call.get().whenComplete((response, failure) -> {
            if (failure == null) {
                tell(told, asked, response.sdkHttpResponse());
            } else if (unwrapped(failure) instanceof AwsServiceException refused && refused.awsErrorDetails() != null) {
                tell(told, asked, refused.awsErrorDetails().sdkHttpResponse());
            }
        });
    }

    private static void tell(StoreClock clock, long asked, @Nullable SdkHttpResponse response) {
        String date = response == null ? null : response.firstMatchingHeader("Date").orElse(null);
        if (date == null) {
            clock.untold();
            return;
        }
        try {
            clock.answered(asked, Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(date)));
        } catch (DateTimeException e) {
            clock.untold();
        }
    }

    private static Throwable unwrapped(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }
}
