package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;

@NeedsRedis(ofItsOwn = true)
class ClusterGoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest(true);
    }
}
