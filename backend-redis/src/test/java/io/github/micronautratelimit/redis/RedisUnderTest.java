package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.UUID;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.VirtualClock;
import io.lettuce.core.ScriptOutputType;

/** The Redis backend in a namespace of its own: callers on four connections, each sending its own clock's time. */
final class RedisUnderTest implements BackendUnderTest {

    private static final String COUNT = "return #redis.call('KEYS', ARGV[1])";
    private static final String DELETE =
            "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
    /** Brings the end of every key nearer, and lets go of the hour by which keys outlive what a test's clock says. */
    private static final String AGE = """
            for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
              local left = redis.call('PTTL', key) - ARGV[2]
              if left <= 3600000 then redis.call('DEL', key) else redis.call('PEXPIRE', key, left) end
            end""";

    private final String namespace = "test-" + UUID.randomUUID();

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        return new RedisBackend(Redis.connection(), namespace, clock);
    }

    @Override
    public long roundTrips() {
        return Redis.commandsSent();
    }

    @Override
    public long roundTripsPerDecision() {
        return 1;
    }

    @Override
    public long liveKeys() {
        return Redis.server().<Long>eval(COUNT, ScriptOutputType.INTEGER, new String[0], namespace + ":*");
    }

    @Override
    public void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
        String millis = Long.toString(duration.plusNanos(999_999).toMillis());
        Redis.server().eval(AGE, ScriptOutputType.STATUS, new String[0], namespace + ":*", millis);
    }

    @Override
    public boolean atomicAcrossKeys() {
        return true;
    }

    @Override
    public void close() {
        Redis.server().eval(DELETE, ScriptOutputType.STATUS, new String[0], namespace + ":*");
    }
}
