package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.HotKeyContract;

/** Callers who ask while the client is busy share calls. */
@NeedsRedis
class HotKeyTest extends HotKeyContract {

    @Override
    protected BackendUnderTest open() {
        return new RedisUnderTest();
    }
}
