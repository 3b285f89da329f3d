package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.AwsRequestOverrideConfiguration;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
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

/** Sends requests to the table, and learns the time from its responses. {@link Item} describes the attributes. */
final class DynamoDbTable {

    /** The partition key of the table, a string. */
    static final String KEY = "pk";

    /** The second since the epoch from which on the table may delete an item. */
    static final String EXPIRES = "ttl";

    /** A version starts with the milliseconds of its instant. */
    static final int VERSIONS_PER_MILLI = 1_000_000;

    /** Keeps items for longer than necessary, because the clock of the table may differ. */
    private static final long EXPIRY_MARGIN_SECONDS = 3_600;

    /** The reads before a step whose clock is set again and again. */
    private static final int MAX_READINGS = 3;

    /**
     * Without retries of the client: it would send a charge twice, and would wait longer for a throttled key than the
     * deadline of its callers.
     */
    private static final AwsRequestOverrideConfiguration WITHOUT_RETRIES = AwsRequestOverrideConfiguration.builder()
            .addPlugin(client -> client.overrideConfiguration(client.overrideConfiguration().toBuilder()
                    .retryStrategy(withoutRetries())
                    .build()))
            .build();

    private final DynamoDbAsyncClient client;
    private final @Nullable AwsRequestOverrideConfiguration override;
    private final String name;
    private final String namespace;
    private final MicroClock clock;

    /** Creates a table. A {@link DynamoDbClock} is corrected by the responses; any other clock is used as it is. */
    DynamoDbTable(DynamoDbAsyncClient client, String name, String namespace, MicroClock clock) {
        this.client = client;
        this.override = neverRetries(client) ? null : WITHOUT_RETRIES;
        this.name = name;
        this.namespace = namespace;
        this.clock = clock;
    }

    /** Returns a strategy for a client that makes each call once. */
    static StandardRetryStrategy withoutRetries() {
        return StandardRetryStrategy.builder()
                .maxAttempts(1)
                .circuitBreakerEnabled(false)
                .build();
    }

    private static boolean neverRetries(DynamoDbAsyncClient client) {
        try {
            return client.serviceClientConfiguration()
                    .overrideConfiguration()
                    .retryStrategy()
                    .filter(strategy -> strategy.maxAttempts() == 1)
                    .isPresent();
        } catch (UnsupportedOperationException e) {
            // The default of the SDK's interface, in clients that wrap another one.
            return false;
        }
    }

    /** Returns the same table, called through another client. */
    DynamoDbTable with(DynamoDbAsyncClient other) {
        return new DynamoDbTable(other, name, namespace, clock);
    }

    /** Returns the key of the item that keeps the rate limits of a policy for a key. */
    String itemKey(Policy policy, String key) {
        return itemKey(namespace, policy, key);
    }

    /**
     * A colon in the name is escaped: otherwise the policy {@code b:c} of the namespace {@code a} would be the policy
     * {@code c} of the namespace {@code a:b}.
     */
    static String itemKey(String namespace, Policy policy, String key) {
        return namespace + ":" + policy.stateName().replace("%", "%25").replace(":", "%3A") + ":" + KeyHash.brief(key);
    }

    /** Returns the key of an item that this application never writes. */
    String probeKey() {
        return namespace + ":start";
    }

    /** Returns the key of an item that keeps a text. No policy has an empty name. */
    String recordKey(String name) {
        return namespace + "::" + name;
    }

    long micros() {
        return clock.micros();
    }

    /**
     * Runs a step with the present instant. If the time of the table is not known, the item is read first: before the
     * first step, and after the clock of this machine was set.
     *
     * @param key  the key of the item to read
     * @param read receives the item if it was read
     * @param step receives the instant, in microseconds since the epoch
     */
    <T> CompletionStage<T> withTime(
            String key, Consumer<Map<String, AttributeValue>> read, LongFunction<CompletionStage<T>> step) {
        return withTime(key, read, step, MAX_READINGS);
    }

    private <T> CompletionStage<T> withTime(
            String key,
            Consumer<Map<String, AttributeValue>> read,
            LongFunction<CompletionStage<T>> step,
            int maxReadings) {
        if (!(clock instanceof DynamoDbClock corrected)) {
            return step.apply(clock.micros());
        }
        DynamoDbClock.Reading now = corrected.read();
        if (corrected.knows(now) || maxReadings == 0) {
            return step.apply(corrected.micros(now));
        }
        return read(key).thenCompose(item -> {
            read.accept(item);
            return withTime(key, read, step, maxReadings - 1);
        });
    }

    /** Forgets the time of the table; the next step learns it again. */
    void forgetTime() {
        if (clock instanceof DynamoDbClock corrected) {
            corrected.forget();
        }
    }

    /** Returns a number that no other write of the same key has. Later writes have larger ones, to about a second. */
    long newVersion() {
        return newVersion(clock instanceof DynamoDbClock ? clock.micros() : DynamoDbClock.machineMicros());
    }

    static long newVersion(long micros) {
        return micros / 1_000 * VERSIONS_PER_MILLI + ThreadLocalRandom.current().nextInt(VERSIONS_PER_MILLI);
    }

    /** Returns the value of {@link #EXPIRES} for an item whose state is empty after a time. */
    static long expiry(long now, long lifeMicros) {
        return (Math.max(now, DynamoDbClock.machineMicros()) + lifeMicros) / 1_000_000 + EXPIRY_MARGIN_SECONDS;
    }

    /** Reads an item, strongly consistent. Completes with an empty map if there is none. */
    CompletionStage<Map<String, AttributeValue>> read(String key) {
        GetItemRequest request = GetItemRequest.builder()
                .tableName(name)
                .key(keyOf(key))
                .consistentRead(true)
                .overrideConfiguration(override)
                .build();
        return repeatable(() -> client.getItem(request)).thenApply(GetItemResponse::item);
    }

    /**
     * The outcome of a conditional write.
     *
     * @param written whether the conditions held
     * @param item    the item that the table returned: after an update, the one that was asked for; after a condition
     *                that did not hold, the one that is there; empty if there is none
     */
    record Outcome(boolean written, Map<String, AttributeValue> item) {}

    /**
     * Updates an item if the conditions hold, and returns it as it was before or is after. If the connection breaks,
     * the update is sent again, so a second one must change nothing.
     */
    CompletionStage<Outcome> update(String key, Update update, ReturnValue returned) {
        UpdateItemRequest request = request(key, update, returned);
        return outcome(repeatable(() -> client.updateItem(request)), UpdateItemResponse::attributes);
    }

    /**
     * Updates an item as {@link #update} does, but sends the update once. If it may have been made without a response,
     * the stage fails with a {@link DynamoDbFailures.LostResponse}.
     */
    CompletionStage<Outcome> updateOnce(String key, Update update, ReturnValue returned) {
        UpdateItemRequest request = request(key, update, returned);
        return outcome(sentOnce(() -> client.updateItem(request)), UpdateItemResponse::attributes);
    }

    private UpdateItemRequest request(String key, Update update, ReturnValue returned) {
        return update.request()
                .tableName(name)
                .key(keyOf(key))
                .returnValues(returned)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)
                .overrideConfiguration(override)
                .build();
    }

    /**
     * Replaces an item. The request is sent once, as by {@link #updateOnce}.
     *
     * @param attribute an attribute of the item to replace
     * @param expected  its value; {@code null} if there must be no item
     */
    CompletionStage<Outcome> putOnce(
            Map<String, AttributeValue> item, String attribute, @Nullable AttributeValue expected) {
        PutItemRequest.Builder request = PutItemRequest.builder()
                .tableName(name)
                .item(item)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)
                .overrideConfiguration(override);
        if (expected == null) {
            request.conditionExpression(Update.missing(KEY));
        } else {
            request.conditionExpression(attribute + " = :v").expressionAttributeValues(Map.of(":v", expected));
        }
        PutItemRequest put = request.build();
        return outcome(sentOnce(() -> client.putItem(put)), done -> Map.of());
    }

    CompletionStage<Void> delete(String key) {
        DeleteItemRequest request = DeleteItemRequest.builder()
                .tableName(name)
                .key(keyOf(key))
                .overrideConfiguration(override)
                .build();
        return repeatable(() -> client.deleteItem(request)).thenApply(done -> null);
    }

    private static Map<String, AttributeValue> keyOf(String key) {
        return Map.of(KEY, AttributeValue.fromS(key));
    }

    private static <T extends SdkResponse> CompletionStage<Outcome> outcome(
            CompletionStage<T> sent, Function<T, Map<String, AttributeValue>> item) {
        return sent.handle((response, failure) -> {
            if (failure == null) {
                return new Outcome(true, item.apply(response));
            }
            Throwable cause = Futures.unwrap(failure);
            if (cause instanceof ConditionalCheckFailedException failed) {
                return new Outcome(false, failed.hasItem() ? failed.item() : Map.of());
            }
            throw new CompletionException(DynamoDbFailures.ofWrite(cause));
        });
    }

    /** Makes a call, and once more if the connection broke: a frozen function finds its connections closed. */
    private <T extends SdkResponse> CompletionStage<T> repeatable(Supplier<? extends CompletionStage<T>> call) {
        return repeatedOnce(
                call, failure -> DynamoDbFailures.isBrokenConnection(failure) || DynamoDbFailures.isSkewed(failure));
    }

    /** Makes a call, and once more if AWS has rejected its signature, because then the client corrects its time. */
    private <T extends SdkResponse> CompletionStage<T> sentOnce(Supplier<? extends CompletionStage<T>> call) {
        return repeatedOnce(call, DynamoDbFailures::isSkewed);
    }

    private <T extends SdkResponse> CompletionStage<T> repeatedOnce(
            Supplier<? extends CompletionStage<T>> call, Predicate<Throwable> repeats) {
        return timed(call)
                .exceptionallyCompose(failure -> repeats.test(Futures.unwrap(failure))
                        ? timed(call)
                        : CompletableFuture.failedFuture(Futures.unwrap(failure)));
    }

    /** Makes a call, and corrects the clock by its response. */
    private <T extends SdkResponse> CompletionStage<T> timed(Supplier<? extends CompletionStage<T>> call) {
        if (!(clock instanceof DynamoDbClock corrected)) {
            return call.get();
        }
        DynamoDbClock.Reading sent = corrected.read();
        return call.get().whenComplete((response, failure) -> {
            if (failure == null) {
                correct(corrected, sent, response.sdkHttpResponse());
            } else if (Futures.unwrap(failure) instanceof AwsServiceException answered
                    && answered.awsErrorDetails() != null) {
                correct(corrected, sent, answered.awsErrorDetails().sdkHttpResponse());
            }
        });
    }

    private static void correct(DynamoDbClock clock, DynamoDbClock.Reading sent, @Nullable SdkHttpResponse response) {
        String date =
                response == null ? null : response.firstMatchingHeader("Date").orElse(null);
        clock.answered(sent, date == null ? null : instant(date));
    }

    private static @Nullable Instant instant(String date) {
        try {
            return Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(date));
        } catch (DateTimeException e) {
            return null;
        }
    }

    /** Builds a conditional update: the conditions, and the assignments that are made if all of them hold. */
    static final class Update {

        private final StringJoiner conditions = new StringJoiner(" AND ");
        private final StringJoiner assignments = new StringJoiner(", ", "SET ", "");
        private final StringJoiner removals = new StringJoiner(", ", " REMOVE ", "").setEmptyValue("");
        private final Map<String, String> names = new HashMap<>();
        private final Map<String, AttributeValue> values = new HashMap<>();
        private final Map<String, String> numbers = new HashMap<>();

        static String missing(String attribute) {
            return "attribute_not_exists(" + attribute + ")";
        }

        static String exists(String attribute) {
            return "attribute_exists(" + attribute + ")";
        }

        /** Returns an expression for the value of an attribute, or a default if the attribute is missing. */
        static String orDefault(String attribute, String value) {
            return "if_not_exists(" + attribute + ", " + value + ")";
        }

        static String allOf(String... conditions) {
            return String.join(" AND ", conditions);
        }

        /** Returns a condition in parentheses. Its alternatives may be the result of {@link #allOf}. */
        static String anyOf(String... conditions) {
            return "(" + String.join(" OR ", conditions) + ")";
        }

        Update require(String condition) {
            conditions.add(condition);
            return this;
        }

        Update set(String attribute, String expression) {
            assignments.add(attribute + " = " + expression);
            return this;
        }

        Update remove(String attribute) {
            removals.add(attribute);
            return this;
        }

        Update expireAt(long second) {
            return set(name(EXPIRES), number(second));
        }

        /** Returns a placeholder for an attribute whose name is a reserved word or not an identifier. */
        String name(String attribute) {
            String placeholder = "#" + names.size();
            names.put(placeholder, attribute);
            return placeholder;
        }

        String number(long number) {
            return number(Long.toString(number));
        }

        String number(BigInteger number) {
            return number(number.toString());
        }

        private String number(String digits) {
            return numbers.computeIfAbsent(digits, absent -> value(AttributeValue.fromN(digits)));
        }

        String text(String text) {
            return value(AttributeValue.fromS(text));
        }

        /** Returns a placeholder for a value. */
        String value(AttributeValue value) {
            String placeholder = ":" + values.size();
            values.put(placeholder, value);
            return placeholder;
        }

        UpdateItemRequest.Builder request() {
            return UpdateItemRequest.builder()
                    .conditionExpression(conditions.toString())
                    .updateExpression(assignments.toString() + removals)
                    .expressionAttributeNames(names.isEmpty() ? null : names)
                    .expressionAttributeValues(values);
        }
    }
}
