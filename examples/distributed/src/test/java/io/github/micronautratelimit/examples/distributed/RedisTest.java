package io.github.micronautratelimit.examples.distributed;

import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.DisabledIf;

/** The instances share a Redis server. */
@DisabledIf("io.github.micronautratelimit.examples.distributed.Redis#isMissing")
class RedisTest extends SharedLimit {

    private final Redis redis = new Redis();

    @AfterAll
    void stopRedis() {
        redis.close();
    }

    @Override
    Map<String, String> store(int index) {
        return Map.of("RATELIMIT_BACKEND", "redis", "REDIS_URI", "redis://" + redis.address());
    }

    @Override
    void awaitSettled() {
        // Instances have no state of their own.
    }

    @Override
    int uncertain(int inFlight) {
        return 0;
    }
}
