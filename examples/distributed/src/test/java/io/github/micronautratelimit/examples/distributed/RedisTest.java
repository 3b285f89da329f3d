package io.github.micronautratelimit.examples.distributed;

import java.util.Map;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.DisabledIf;

/** Their store is a Redis beside them. */
@DisabledIf("io.github.micronautratelimit.examples.distributed.Redis#isMissing")
class RedisTest extends SharedLimit {

    private final Redis redis = new Redis();

    @AfterAll
    void stopRedis() {
        redis.close();
    }

    @Override
    Map<String, String> store(int place) {
        return Map.of("RATELIMIT_BACKEND", "redis", "REDIS_URI", "redis://" + redis.address());
    }

    @Override
    void awaitSettled() {
        // An instance holds nothing.
    }

    @Override
    int uncertain(int underWay) {
        return 0;
    }
}
