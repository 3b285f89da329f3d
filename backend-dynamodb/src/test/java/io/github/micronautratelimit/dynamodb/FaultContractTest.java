package io.github.micronautratelimit.dynamodb;

import java.time.Duration;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;

/** What an application sees of a table that fails. */
class FaultContractTest extends FaultContract {

    private static final Duration DEADLINE = Duration.ofMillis(500);

    @Override
    protected FaultyStore open() {
        return new FaultyDynamoDb(DEADLINE);
    }

    @Override
    protected Duration deadline() {
        return DEADLINE;
    }
}
