package io.github.micronautratelimit.examples.lambda;

import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBRequestHandler;
import com.amazonaws.services.dynamodbv2.local.server.LocalDynamoDBServerHandler;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.util.Map;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;

/** DynamoDB Local on a loopback port, with a new table for each test. */
final class LocalTable {

    private static final int PORT = start();
    private static int tables;

    private LocalTable() {}

    private static int start() {
        try {
            int port = freePort();
            new DynamoDBProxyServer(
                            port,
                            new LocalDynamoDBServerHandler(
                                    new LocalDynamoDBRequestHandler(0, true, null, true, false), null))
                    .start();
            return port;
        } catch (Exception e) {
            throw new IllegalStateException("DynamoDB Local did not start.", e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    static synchronized String create() {
        String name = "table-" + ++tables;
        try (DynamoDbClient client = DynamoDbClient.builder()
                .endpointOverride(URI.create(endpoint()))
                .region(Region.EU_CENTRAL_1)
                .httpClient(UrlConnectionHttpClient.create())
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local")))
                .build()) {
            client.createTable(table -> table.tableName(name)
                    .billingMode(BillingMode.PAY_PER_REQUEST)
                    .keySchema(KeySchemaElement.builder()
                            .attributeName("pk")
                            .keyType(KeyType.HASH)
                            .build())
                    .attributeDefinitions(AttributeDefinition.builder()
                            .attributeName("pk")
                            .attributeType(ScalarAttributeType.S)
                            .build()));
        }
        return name;
    }

    static String endpoint() {
        return "http://localhost:" + PORT;
    }

    /** Returns the environment variables of a function that uses the table. Micronaut reads properties from them. */
    static Map<String, String> environment(String table) {
        return Map.of(
                "RATELIMIT_TABLE",
                table,
                "AWS_ACCESS_KEY_ID",
                "local",
                "AWS_SECRET_ACCESS_KEY",
                "local",
                "AWS_REGION",
                "eu-central-1",
                "AWS_SERVICES_DYNAMODB_ENDPOINT_OVERRIDE",
                endpoint(),
                "RATELIMIT_DEADLINE",
                "30s",
                "RATELIMIT_DYNAMODB_TIMEOUT",
                "20s");
    }

    /** Returns the same as properties. */
    static Map<String, Object> properties(String table) {
        return Map.of(
                "ratelimit.dynamodb.table",
                table,
                "aws.access-key-id",
                "local",
                "aws.secret-key",
                "local",
                "aws.region",
                "eu-central-1",
                "aws.services.dynamodb.endpoint-override",
                endpoint(),
                "ratelimit.deadline",
                "30s",
                "ratelimit.dynamodb.timeout",
                "20s");
    }
}
