package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisSentinels;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A master dies under load, and Sentinels promote a replica. */
@NeedsRedis(ofItsOwn = true)
class SentinelTest {

    private static final int LIMIT = 20_000;
    private static final Policy POLICY = Policy.of("p", LIMIT + "/366day");
    private static final Duration TIMEOUT = Duration.ofSeconds(2);
    private static final Duration SLACK = Duration.ofSeconds(10);

    /** Replication is asynchronous, so the last grants of the dead master may be granted again, at most the limit. */
    @Test
    void decisionsContinueOnTheNewMasterWithReplicatedState() {
        try (RedisSentinels sentinels = RedisSentinels.start();
                RedisClients clients = new RedisClients(TIMEOUT)) {
            List<RedisBackend> backends = Stream.generate(
                            () -> new RedisBackend(clients.connect(sentinels.uri()), "rl"))
                    .limit(4)
                    .toList();
            backends.get(0)
                    .acquire(POLICY, "replicated", LIMIT - 5)
                    .toCompletableFuture()
                    .join();
            sentinels.awaitReplicated();
            try (Load load = Load.on(POLICY, "key", backends)) {
                load.awaitGranted(100);
                sentinels.master().kill();
                load.awaitFailed(Load.callers());
                load.awaitDecided(100);
                load.awaitDenied(100).end();
                assertTrue(
                        load.granted() >= LIMIT - load.chargedWithoutGrant(1) && load.granted() <= 2 * LIMIT,
                        load::toString);
                assertTrue(load.slowest().compareTo(TIMEOUT.plus(SLACK)) < 0, () -> "took " + load.slowest());
            }
            try (Load load = Load.on(POLICY, "replicated", backends)) {
                load.awaitDenied(100).end();
                assertEquals(5, load.granted());
                assertEquals(0, load.failed());
            }
        }
    }
}
