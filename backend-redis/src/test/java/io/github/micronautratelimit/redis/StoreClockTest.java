package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.StoreClockContract;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;

/** Concurrent calls by the clock of a real server. */
@NeedsRedis
class StoreClockTest extends StoreClockContract {

    private final String namespace = "clock-" + UUID.randomUUID();

    @Override
    protected RateLimitBackend connect() {
        return new RedisBackend(Redis.connection(), namespace);
    }

    @AfterEach
    void deleteKeys() {
        Redis.server().keys(namespace + ":*").forEach(Redis.server()::del);
    }
}
