package io.github.micronautratelimit.examples.lambda;

import java.util.HashMap;
import java.util.Map;

import io.micronaut.context.ApplicationContext;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * What rate limits add to the start of a function that uses DynamoDB anyway: run as a program in a new process each, with
 * an endpoint, a table, and whether limits are on; prints milliseconds. See {@code StartUpComparison}.
 */
final class StartUp {

    private StartUp() {
    }

    public static void main(String[] arguments) {
        long began = System.nanoTime();
        Map<String, Object> settings = new HashMap<>(Map.of("aws.access-key-id", "local", "aws.secret-key", "local",
                "aws.region", "eu-central-1", "aws.services.dynamodb.endpoint-override", arguments[0],
                "ratelimit.dynamodb.table", arguments[1], "ratelimit.enabled", arguments[2],
                "ratelimit.dynamodb.timeout", "20s"));
        try (ApplicationContext context = ApplicationContext.run(settings)) {
            context.getBean(DynamoDbClient.class).getItem(get -> get.tableName(arguments[1])
                    .key(Map.of("pk", AttributeValue.fromS("any"))));
            System.out.println((System.nanoTime() - began) / 1_000_000);
        }
    }
}
