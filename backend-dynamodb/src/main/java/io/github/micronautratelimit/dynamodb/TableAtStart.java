package io.github.micronautratelimit.dynamodb;

import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.micronaut.context.exceptions.ConfigurationException;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.CreateTableRequest;
import software.amazon.awssdk.services.dynamodb.model.DescribeTableRequest;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ResourceInUseException;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.TableStatus;
import software.amazon.awssdk.services.dynamodb.model.UpdateTimeToLiveRequest;

/**
 * Looks whether the table is there and is one, by reading from it as decisions do: that takes no further permission, and
 * opens the connection that they will use.
 */
final class TableAtStart {

    private static final Logger LOG = LoggerFactory.getLogger(TableAtStart.class);
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);

    private final Table.Client client;
    private final String name;
    private final Table table;
    private final String key;

    /** With a key to read, which need not be there. */
    TableAtStart(Table.Client client, String name, Table table, String key) {
        this.client = client;
        this.name = name;
        this.table = table;
        this.key = key;
    }

    /** Refuses a table that is missing or of another kind; what may pass, such as no connection, is only told. */
    void check(boolean create) {
        try {
            read();
        } catch (ResourceNotFoundException e) {
            if (!create) {
                throw new ConfigurationException(DynamoDbConfiguration.PREFIX + ".table = \"" + name + "\": there is no "
                        + "such table in this region and account; create it with a partition key \"" + Item.KEY
                        + "\" of type string and no sort key, or set " + DynamoDbConfiguration.PREFIX
                        + ".create-table to true.", e);
            }
            create();
        } catch (DynamoDbException e) {
            if (isOfAnotherKind(e)) {
                throw new ConfigurationException(DynamoDbConfiguration.PREFIX + ".table = \"" + name + "\": the key of "
                        + "this table is another one; name a table with a partition key \"" + Item.KEY
                        + "\" of type string and no sort key.", e);
            }
            if (isRefused(e)) {
                throw new ConfigurationException(DynamoDbConfiguration.PREFIX + ".table = \"" + name + "\": AWS refuses "
                        + "access; allow dynamodb:GetItem, UpdateItem, PutItem and DeleteItem on the table.", e);
            }
            LOG.warn("DynamoDB cannot be asked for the table {} of the rate limits: {}", name, e.getMessage());
        } catch (RuntimeException e) {
            LOG.warn("DynamoDB cannot be asked for the table {} of the rate limits: {}", name, e.getMessage());
        }
    }

    private static boolean isOfAnotherKind(DynamoDbException e) {
        return e.awsErrorDetails() != null && "ValidationException".equals(e.awsErrorDetails().errorCode());
    }

    private static boolean isRefused(DynamoDbException e) {
        return e.awsErrorDetails() != null && "AccessDeniedException".equals(e.awsErrorDetails().errorCode());
    }

    private void read() {
        await(table.read(key));
    }

    private void create() {
        CreateTableRequest request = CreateTableRequest.builder().tableName(name).billingMode(BillingMode.PAY_PER_REQUEST)
                .keySchema(KeySchemaElement.builder().attributeName(Item.KEY).keyType(KeyType.HASH).build())
                .attributeDefinitions(AttributeDefinition.builder().attributeName(Item.KEY)
                        .attributeType(ScalarAttributeType.S).build()).build();
        try {
            await(client.call(sync -> sync.createTable(request), async -> async.createTable(request)));
            LOG.info("Created the table {} for rate limits.", name);
        } catch (ResourceInUseException e) {
            LOG.debug("Somebody else is creating the table {}.", name);
            awaitActive();
            return;
        }
        awaitActive();
        UpdateTimeToLiveRequest expiry = UpdateTimeToLiveRequest.builder().tableName(name)
                .timeToLiveSpecification(ttl -> ttl.attributeName(Item.EXPIRES).enabled(true)).build();
        await(client.call(sync -> sync.updateTimeToLive(expiry), async -> async.updateTimeToLive(expiry)));
    }

    private void awaitActive() {
        DescribeTableRequest request = DescribeTableRequest.builder().tableName(name).build();
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (await(client.call(sync -> sync.describeTable(request), async -> async.describeTable(request)))
                .table().tableStatus() != TableStatus.ACTIVE) {
            if (System.nanoTime() > until) {
                throw new ConfigurationException("The table " + name + " was created, but is not active after "
                        + PATIENCE.toMinutes() + " minutes; start again when it is.");
            }
            try {
                Thread.sleep(BETWEEN_LOOKS.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ConfigurationException("Interrupted while the table " + name + " was being created.", e);
            }
        }
    }

    private static <T> T await(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw e;
        }
    }
}
