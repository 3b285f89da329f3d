package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.LeaseContract;

@NeedsRedis(ofItsOwn = true)
class ClusterLeaseTest extends LeaseContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest(true);
    }
}
