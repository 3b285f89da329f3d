package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.internal.Futures;
import io.micronaut.context.exceptions.ConfigurationException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.ResourceInUseException;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.waiters.DynamoDbAsyncWaiter;

/**
 * Checks the table at start-up, by a read and a decision as requests make them. So it needs no further permission,
 * opens the connections and loads the classes of the first request, and creates the table if that is configured.
 *
 * <p>The start waits for a limited time. A result that comes later is logged.
 */
final class TableCheck {

    private static final Logger LOG = LoggerFactory.getLogger(TableCheck.class);
    private static final Duration CREATION_TIMEOUT = Duration.ofMinutes(2);
    private static final Duration POLL_INTERVAL = Duration.ofMillis(500);
    private static final String KEY_SCHEMA =
            "a partition key \"" + DynamoDbTable.KEY + "\" of type string and no sort key";

    private final DynamoDbAsyncClient client;
    private final String name;
    private final boolean create;
    private final Duration timeout;

    TableCheck(DynamoDbAsyncClient client, DynamoDbConfiguration configuration) {
        this.client = client;
        this.name = configuration.getTable();
        this.create = configuration.isCreateTable();
        this.timeout = configuration.getStartTimeout();
    }

    /** Fails if AWS rejects the check. Other failures, such as no connection, are only logged. */
    void check(DynamoDbBackend backend) {
        long begun = System.nanoTime();
        CompletableFuture<?> probe = backend.probe(client).toCompletableFuture();
        try {
            await(probe, timeout);
        } catch (TimeoutException e) {
            LOG.warn(
                    "The DynamoDB table {} was not checked at start-up, because it did not answer within {} ms; check "
                            + "its endpoint and the network, or set {}.start-timeout.",
                    name,
                    timeout.toMillis(),
                    DynamoDbConfiguration.PREFIX);
            probe.whenComplete((answer, failure) -> logLate(failure));
            return;
        } catch (RuntimeException e) {
            if (!isTableToCreate(e)) {
                handle(e);
                return;
            }
            create();
        }
        rehearse(backend, timeout.minusNanos(System.nanoTime() - begun));
    }

    private boolean isTableToCreate(Throwable failure) {
        return create && DynamoDbFailures.errorCode(failure).equals(DynamoDbFailures.NO_TABLE);
    }

    private void handle(RuntimeException failure) {
        String reason = reason(failure);
        if (reason != null) {
            throw new ConfigurationException(
                    DynamoDbConfiguration.PREFIX + ".table = \"" + name + "\": " + reason, failure);
        }
        LOG.warn("The DynamoDB table {} could not be checked at start-up: {}", name, failure.getMessage());
    }

    private void logLate(@Nullable Throwable failure) {
        String reason = failure == null ? null : reason(Futures.unwrap(failure));
        if (reason != null) {
            LOG.error("The DynamoDB table {} cannot be used: {}", name, reason, failure);
        }
    }

    /** Returns why the table cannot be used and what to do, or {@code null} if it may work later. */
    private static @Nullable String reason(Throwable failure) {
        return switch (DynamoDbFailures.errorCode(failure)) {
            case DynamoDbFailures.NO_TABLE -> "this table does not exist in this region and account; create it with "
                    + KEY_SCHEMA + ", or set " + DynamoDbConfiguration.PREFIX + ".create-table to true.";
            case DynamoDbFailures.INVALID_REQUEST -> "this table has a different key; use a table with " + KEY_SCHEMA
                    + ".";
            case DynamoDbFailures.ACCESS_DENIED -> "AWS denies access; allow dynamodb:GetItem, UpdateItem, PutItem and "
                    + "DeleteItem on this table.";
            default -> DynamoDbFailures.isPermanent(failure)
                    ? "AWS rejects requests to this table; correct the credentials, or the key that encrypts it: "
                            + failure.getMessage()
                    : null;
        };
    }

    /** Makes a decision, so that the first request need not wait for a connection and for classes. */
    private void rehearse(DynamoDbBackend backend, Duration rest) {
        try {
            await(backend.rehearse(), rest);
        } catch (TimeoutException e) {
            LOG.debug("The first decision at start-up was late.");
        } catch (NonRetryableStoreException e) {
            handle(e.getCause() instanceof RuntimeException cause ? cause : e);
        } catch (RuntimeException e) {
            LOG.debug("The first decision at start-up failed.", e);
        }
    }

    private void create() {
        try {
            awaitCreation(client.createTable(table -> table.tableName(name)
                    .billingMode(BillingMode.PAY_PER_REQUEST)
                    .keySchema(KeySchemaElement.builder()
                            .attributeName(DynamoDbTable.KEY)
                            .keyType(KeyType.HASH)
                            .build())
                    .attributeDefinitions(AttributeDefinition.builder()
                            .attributeName(DynamoDbTable.KEY)
                            .attributeType(ScalarAttributeType.S)
                            .build())));
            LOG.info("Created the DynamoDB table {} for rate limits.", name);
        } catch (ResourceInUseException e) {
            LOG.debug("Another instance is creating the DynamoDB table {}.", name);
            awaitActive();
            return;
        }
        awaitActive();
        awaitCreation(client.updateTimeToLive(
                table -> table.tableName(name).timeToLiveSpecification(ttl -> ttl.attributeName(DynamoDbTable.EXPIRES)
                        .enabled(true))));
    }

    private void awaitActive() {
        try (DynamoDbAsyncWaiter waiter = DynamoDbAsyncWaiter.builder()
                .client(client)
                .overrideConfiguration(
                        polling -> polling.backoffStrategyV2(BackoffStrategy.fixedDelayWithoutJitter(POLL_INTERVAL))
                                .maxAttempts((int) CREATION_TIMEOUT.dividedBy(POLL_INTERVAL)))
                .build()) {
            awaitCreation(waiter.waitUntilTableExists(table -> table.tableName(name)));
        } catch (SdkClientException e) {
            throw notActive(e);
        }
    }

    private ConfigurationException notActive(Exception cause) {
        return new ConfigurationException(
                "The DynamoDB table " + name + " was created, but did not become active within "
                        + CREATION_TIMEOUT.toMinutes() + " minutes; restart the application when it is active.",
                cause);
    }

    private void awaitCreation(CompletionStage<?> stage) {
        try {
            await(stage, CREATION_TIMEOUT);
        } catch (TimeoutException e) {
            throw notActive(e);
        }
    }

    private static void await(CompletionStage<?> stage, Duration timeout) throws TimeoutException {
        try {
            stage.toCompletableFuture().get(Math.max(0, timeout.toNanos()), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CompletionException(e);
        } catch (ExecutionException e) {
            Throwable cause = Futures.unwrap(e.getCause() == null ? e : e.getCause());
            throw cause instanceof RuntimeException failure ? failure : new CompletionException(cause);
        }
    }
}
