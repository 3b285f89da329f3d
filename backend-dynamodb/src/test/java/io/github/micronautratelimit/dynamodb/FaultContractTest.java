package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;
import io.github.micronautratelimit.tck.FaultyWire;

/** What an application sees of a table that fails; the faults befall the wire. */
class FaultContractTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        DynamoDbBackend backend = new DynamoDbBackend(new CountingClient(), CountingClient.TABLE, "faulty",
                MicroClock.system(), () -> { });
        Policy warm = Policy.of("warm", "1000000/365day");
        for (int i = 0; i < 50; i++) {
            backend.acquire(warm, "key", 1).toCompletableFuture().join();
        }
        return new FaultyWire(backend, backend.deadline());
    }
}
