package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;

/** Concurrent requests for one key share calls. */
@NeedsRedis
class HotKeyTest extends HotKeyContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest();
    }
}
