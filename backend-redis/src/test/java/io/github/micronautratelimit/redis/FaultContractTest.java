package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.FaultContract;
import io.github.micronautratelimit.tck.FaultyStore;

/** What an application sees of a Redis that fails. */
@NeedsRedis(ofItsOwn = true)
class FaultContractTest extends FaultContract {

    @Override
    protected FaultyStore open() {
        return new FaultyRedis();
    }
}
