package io.github.micronautratelimit.benchmarks.dynamodb;

import java.util.Map;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;

/**
 * A token bucket that reads the state and replaces it if it has not changed, as limiters do that use a store as a map.
 */
final class ReadAndSwap {

    private final DynamoDbClient client;
    private final String table;
    private final long capacity;
    private final double perMicro;

    ReadAndSwap(DynamoDbClient client, String table, long capacity, double perMicro) {
        this.client = client;
        this.table = table;
        this.capacity = capacity;
        this.perMicro = perMicro;
    }

    boolean acquire(String key) {
        while (true) {
            Map<String, AttributeValue> found = client.getItem(get ->
                            get.tableName(table).consistentRead(true).key(Map.of("pk", AttributeValue.fromS(key))))
                    .item();
            long now = System.currentTimeMillis() * 1_000;
            double tokens = capacity;
            if (!found.isEmpty()) {
                double refill = Math.max(0, now - Long.parseLong(found.get("at").n())) * perMicro;
                tokens = Math.min(
                        capacity, Double.parseDouble(found.get("tokens").n()) + refill);
            }
            if (tokens < 1) {
                return false;
            }
            if (isReplaced(key, found, tokens - 1, now)) {
                return true;
            }
        }
    }

    private boolean isReplaced(String key, Map<String, AttributeValue> found, double tokens, long now) {
        long version = found.isEmpty() ? 0 : Long.parseLong(found.get("version").n());
        Map<String, AttributeValue> item = Map.of(
                "pk",
                AttributeValue.fromS(key),
                "tokens",
                AttributeValue.fromN(Double.toString(tokens)),
                "at",
                AttributeValue.fromN(Long.toString(now)),
                "version",
                AttributeValue.fromN(Long.toString(version + 1)));
        try {
            client.putItem(put -> {
                put.tableName(table).item(item);
                if (found.isEmpty()) {
                    put.conditionExpression("attribute_not_exists(pk)");
                } else {
                    put.conditionExpression("version = :v")
                            .expressionAttributeValues(Map.of(":v", found.get("version")));
                }
            });
            return true;
        } catch (ConditionalCheckFailedException e) {
            return false;
        }
    }
}
