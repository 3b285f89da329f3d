package io.github.micronautratelimit.examples.lambda;

import io.micronaut.context.ApplicationContext;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * Starts a function that uses DynamoDB, and prints the milliseconds until its first response from DynamoDB. The
 * arguments are an endpoint, a table, and whether rate limits are enabled. {@link StartUpComparison} runs it in new
 * processes.
 */
final class StartUp {

    private StartUp() {}

    public static void main(String[] arguments) {
        long began = System.nanoTime();
        Map<String, Object> properties = new HashMap<>(Map.of(
                "aws.access-key-id",
                "local",
                "aws.secret-key",
                "local",
                "aws.region",
                "eu-central-1",
                "aws.services.dynamodb.endpoint-override",
                arguments[0],
                "ratelimit.dynamodb.table",
                arguments[1],
                "ratelimit.enabled",
                arguments[2],
                "ratelimit.dynamodb.timeout",
                "20s"));
        try (ApplicationContext context = ApplicationContext.run(properties)) {
            context.getBean(DynamoDbClient.class)
                    .getItem(get -> get.tableName(arguments[1]).key(Map.of("pk", AttributeValue.fromS("any"))));
            System.out.println((System.nanoTime() - began) / 1_000_000);
        }
    }
}
