package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.RateLimitBackendContract;

@NeedsRedis
class RedisBackendContractTest extends RateLimitBackendContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest();
    }
}
