package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.sync.RedisCommands;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/** The Redis backend in a separate namespace. Callers use four connections and send the time of their own clock. */
final class RedisUnderTest implements BackendUnderTest {

    private static final String COUNT = "return #redis.call('KEYS', ARGV[1])";
    private static final String DELETE =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
    /**
     * Shortens the expiry of every key, and deletes keys in the extra hour that a caller's clock adds to their life.
     */
    private static final String AGE =
            """
            for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
              local left = redis.call('PTTL', key) - ARGV[2]
              if left <= 3600000 then redis.call('DEL', key) else redis.call('PEXPIRE', key, left) end
            end""";

    private final String namespace = "test-" + UUID.randomUUID();
    private final boolean cluster;
    /** By how much the clocks of callers are ahead of the one that decides, in microseconds. */
    private final long callersAhead;

    /** Uses the standalone server. */
    RedisUnderTest() {
        this(false);
    }

    /** Uses the standalone server or the cluster. */
    RedisUnderTest(boolean cluster) {
        this.cluster = cluster;
        this.callersAhead = 0;
    }

    /** Uses the standalone server, with callers whose clocks are ahead of the one that decides. */
    RedisUnderTest(long callersAhead) {
        this.cluster = false;
        this.callersAhead = callersAhead;
    }

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        return cluster
                ? new RedisBackend(ClusterOfRedis.connection(), namespace, clock)
                : new RedisBackend(Redis.connection(), namespace, clock, () -> clock.micros() + callersAhead);
    }

    @Override
    public long roundTrips() {
        return cluster ? ClusterOfRedis.commandsSent() : Redis.commandsSent();
    }

    private List<RedisCommands<String, String>> servers() {
        return cluster ? ClusterOfRedis.servers() : List.of(Redis.server());
    }

    @Override
    public long roundTripsPerDecision() {
        return 1;
    }

    @Override
    public long liveKeys() {
        return servers().stream()
                .mapToLong(
                        server -> server.<Long>eval(COUNT, ScriptOutputType.INTEGER, new String[0], namespace + ":*"))
                .sum();
    }

    @Override
    public void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
        String millis = Long.toString(duration.plusNanos(999_999).toMillis());
        servers().forEach(server -> server.eval(AGE, ScriptOutputType.STATUS, new String[0], namespace + ":*", millis));
    }

    @Override
    public boolean atomicAcrossKeys() {
        return !cluster;
    }

    @Override
    public void close() {
        servers().forEach(server -> server.eval(DELETE, ScriptOutputType.STATUS, new String[0], namespace + ":*"));
    }
}
