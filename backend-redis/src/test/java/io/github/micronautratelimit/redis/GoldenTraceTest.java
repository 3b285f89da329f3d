package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.GoldenTraceContract;

@NeedsRedis
class GoldenTraceTest extends GoldenTraceContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest();
    }
}
