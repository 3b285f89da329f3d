package io.github.micronautratelimit.dynamodb;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultInjectingBackend;
import io.github.micronautratelimit.tck.FaultyStore;

/** Decisions of an application while its table fails. The faults are injected between client and table. */
class FaultContractTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        DynamoDbBackend backend = new DynamoDbBackend(
                new CountingClient(), CountingClient.TABLE, "faulty", MicroClock.system(), () -> {});
        Policy warm = Policy.of("warm", "1000000/365day");
        for (int i = 0; i < 50; i++) {
            backend.acquire(warm, "key", 1).toCompletableFuture().join();
        }
        return new FaultInjectingBackend(backend, backend.deadline());
    }
}
