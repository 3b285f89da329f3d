package io.github.micronautratelimit.dynamodb;

import java.time.Duration;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;
import io.github.micronautratelimit.tck.FaultyWire;

/** What an application sees of a table that fails; the faults befall the wire. */
class FaultContractTest extends FaultContract {

    /** Shorter than an application's: the table is near, and the suite waits for it often. */
    private static final Duration DEADLINE = Duration.ofMillis(150);

    @Override
    protected FaultyStore open() {
        DynamoDbBackend backend =
                new DynamoDbBackend(LocalDynamoDb.client(), LocalDynamoDb.EXECUTOR, LocalDynamoDb.TABLE, "faulty");
        // The first decision takes longer: it learns the time.
        backend.acquire(Policy.of("first", "1/s"), "key", 1).toCompletableFuture().join();
        return new FaultyWire(backend, DEADLINE);
    }
}
