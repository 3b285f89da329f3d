package io.github.micronautratelimit.dynamodb;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.ThreadLocalRandom;

import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.UpdateItemRequest;

/** One conditional write in the making: what must hold, and what is then assigned. */
final class Update {

    private final int limits;
    private final long stamp;
    private final StringJoiner conditions = new StringJoiner(" AND ");
    private final StringJoiner sets = new StringJoiner(", ");
    private final StringJoiner removed = new StringJoiner(", ");
    private final Map<String, AttributeValue> values = new HashMap<>();
    private final Map<String, String> numbers = new HashMap<>();

    Update(int limits) {
        this.limits = limits;
        this.stamp = newStamp();
    }

    /** A number no other write of the same key has. */
    static long newStamp() {
        return System.currentTimeMillis() * 1_000_000 + ThreadLocalRandom.current().nextInt(1_000_000);
    }

    long stamp() {
        return stamp;
    }

    /** Whether an item was written by this very update: the client has sent it twice, and the first has arrived. */
    boolean hasWritten(Item item) {
        return Long.toString(stamp).equals(item.version());
    }

    /** How many limits share the item. */
    int limits() {
        return limits;
    }

    void require(String condition) {
        conditions.add(condition);
    }

    void set(String name, String expression) {
        sets.add(name + " = " + expression);
    }

    void remove(String name) {
        removed.add(name);
    }

    String number(long number) {
        return number(Long.toString(number));
    }

    String number(BigInteger number) {
        return number(number.toString());
    }

    private String number(String digits) {
        return numbers.computeIfAbsent(digits, same -> value(AttributeValue.fromN(digits)));
    }

    String text(String text) {
        return value(AttributeValue.fromS(text));
    }

    String value(AttributeValue value) {
        String name = ":" + values.size();
        values.put(name, value);
        return name;
    }

    UpdateItemRequest request(String table, Map<String, AttributeValue> key, long expires) {
        set("#ttl", number(expires));
        String expression = "SET " + sets + (removed.length() == 0 ? "" : " REMOVE " + removed);
        return UpdateItemRequest.builder().tableName(table).key(key)
                .conditionExpression(conditions.toString()).updateExpression(expression)
                .expressionAttributeNames(Map.of("#ttl", Item.EXPIRES)).expressionAttributeValues(values)
                .returnValues(ReturnValue.ALL_OLD)
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD).build();
    }
}
