package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;
import java.time.Duration;

/** The behaviour of an application while Redis fails. */
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
