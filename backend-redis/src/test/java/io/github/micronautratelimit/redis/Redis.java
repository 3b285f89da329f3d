package io.github.micronautratelimit.redis;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import io.github.micronautratelimit.Policy;
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.event.command.CommandListener;
import io.lettuce.core.event.command.CommandStartedEvent;

/** The connections all tests of a run share: four for backends, whose commands are counted, and one to look behind. */
final class Redis {

    private static final AtomicLong SENT = new AtomicLong();
    private static final AtomicInteger NEXT = new AtomicInteger();

    private Redis() {
    }

    /** One of the four connections, in turn. */
    static StatefulRedisConnection<byte[], byte[]> connection() {
        return Shared.CONNECTIONS.get(Math.floorMod(NEXT.getAndIncrement(), Shared.CONNECTIONS.size()));
    }

    /** The commands sent so far on the four. */
    static long commandsSent() {
        return SENT.get();
    }

    /** What the server is asked directly; not counted. */
    static RedisCommands<String, String> server() {
        return Shared.SERVER.sync();
    }

    private static final class Shared {

        static final List<StatefulRedisConnection<byte[], byte[]>> CONNECTIONS = connections();
        static final StatefulRedisConnection<String, String> SERVER = RedisClient.create(RedisServer.uri()).connect();

        private static List<StatefulRedisConnection<byte[], byte[]>> connections() {
            RedisClient client = RedisClient.create(RedisServer.uri());
            client.addListener(new CommandListener() {
                @Override
                public void commandStarted(CommandStartedEvent event) {
                    SENT.incrementAndGet();
                }
            });
            List<StatefulRedisConnection<byte[], byte[]>> connections =
                    IntStream.range(0, 4).mapToObj(i -> client.connect(ByteArrayCodec.INSTANCE)).toList();
            // The first call on a new server sends the script: none of those that tests count.
            new RedisBackend(connections.get(0), "warm").peek(Policy.of("warm", "1/s"), "", 0)
                    .toCompletableFuture().join();
            return connections;
        }
    }
}
