package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

@NeedsRedis
class RedisLeaseTest extends LeaseContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest();
    }
}
