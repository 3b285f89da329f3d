package io.github.micronautratelimit.redis;

import java.time.Duration;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;

/** What an application sees of a Redis that fails. */
@NeedsRedis(ofItsOwn = true)
class FaultContractTest extends FaultContract {

    private static final Duration DEADLINE = Duration.ofMillis(500);

    @Override
    protected FaultyStore open() {
        return new FaultyRedis(DEADLINE);
    }

    @Override
    protected Duration deadline() {
        return DEADLINE;
    }
}
