package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

@NeedsRedis(ofItsOwn = true)
class ClusterBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest(true);
    }
}
