package io.github.micronautratelimit.dynamodb;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.dynamodb.Relay.Way;
import io.github.micronautratelimit.tck.FaultyStore;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.ProvisionedThroughputExceededException;

/** A table behind a network that fails, asked by as many threads as an application has for it. */
final class FaultyDynamoDb implements FaultyStore, Table.Client {

    private static final int THREADS = 32;

    private final Relay network;
    private final DynamoDbClient client;
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    private final Table.Client table;
    private final DynamoDbBackend backend = new DynamoDbBackend(this, LocalDynamoDb.TABLE, "faulty", MicroClock.system(),
            () -> { });
    private volatile @Nullable Fault fault;

    FaultyDynamoDb(Duration deadline) {
        try {
            network = new Relay();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try (DynamoDbClient application = LocalDynamoDb.builder().endpointOverride(network.endpoint()).build()) {
            client = DynamoDbBackendFactory.impatient(DynamoDbClient.builder().httpClient(UrlConnectionHttpClient.create()),
                    application.serviceClientConfiguration(), deadline.multipliedBy(4).dividedBy(5));
        }
        table = Table.Client.of(client, threads);
        DynamoDbBackend patient = new DynamoDbBackend(LocalDynamoDb.client(), Runnable::run, LocalDynamoDb.TABLE, "patient");
        for (DynamoDbBackend each : List.of(patient, backend)) {
            for (int i = 0; i < 50; i++) {
                // Nothing is late once all classes are loaded.
                each.acquire(Policy.of("warm", "1000000/365day"), "key", 1).toCompletableFuture()
                        .handle((decision, failure) -> decision).join();
            }
        }
    }

    @Override
    public RateLimitBackend backend() {
        return backend;
    }

    @Override
    public <T extends SdkResponse> CompletionStage<T> call(
            Function<DynamoDbClient, T> blocking, Function<DynamoDbAsyncClient, CompletableFuture<T>> async) {
        if (fault == Fault.ERRORS) {
            return CompletableFuture.failedFuture(
                    ProvisionedThroughputExceededException.builder().message("slow down").build());
        }
        boolean twice = fault == Fault.DELIVERED_TWICE;
        return table.call(there -> {
            T answer = blocking.apply(there);
            return twice ? blocking.apply(there) : answer;
        }, async);
    }

    @Override
    public int connections() {
        return network.open();
    }

    @Override
    public void inject(Fault injected) {
        fault = injected;
        switch (injected) {
            case REFUSED -> let(Way.CLOSED);
            case HUNG -> let(Way.HELD);
            case HALF_OPEN -> let(Way.DEAF);
            case SLOW -> let(Way.LATE);
            case REPLY_LOST -> let(Way.MUTE);
            case ERRORS, DELIVERED_TWICE -> {
            }
        }
    }

    @Override
    public void heal() {
        fault = null;
        let(Way.OPEN);
    }

    private void let(Way way) {
        try {
            network.let(way);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        client.close();
        threads.shutdownNow();
        try {
            network.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
