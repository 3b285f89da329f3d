package io.github.micronautratelimit.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.event.command.CommandListener;
import io.lettuce.core.event.command.CommandStartedEvent;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/** The connections that all tests of a run share: four for backends, which count commands, and one for inspection. */
final class Redis {

    private static final AtomicLong SENT = new AtomicLong();
    private static final AtomicInteger NEXT = new AtomicInteger();

    private Redis() {}

    /** Returns one of the four connections in turn. */
    static StatefulRedisConnection<byte[], byte[]> connection() {
        return Shared.CONNECTIONS.get(Math.floorMod(NEXT.getAndIncrement(), Shared.CONNECTIONS.size()));
    }

    /** Returns the number of commands that were sent on the four connections. */
    static long commandsSent() {
        return SENT.get();
    }

    /** Returns the connection for inspection. */
    static RedisCommands<String, String> server() {
        return Shared.SERVER.sync();
    }

    private static final class Shared {

        static final List<StatefulRedisConnection<byte[], byte[]>> CONNECTIONS = connections();
        static final StatefulRedisConnection<String, String> SERVER =
                RedisClient.create(RedisServer.uri()).connect();

        private static List<StatefulRedisConnection<byte[], byte[]>> connections() {
            RedisClient client = RedisClient.create(RedisServer.uri());
            client.addListener(new CommandListener() {
                @Override
                public void commandStarted(CommandStartedEvent event) {
                    SENT.incrementAndGet();
                }
            });
            List<StatefulRedisConnection<byte[], byte[]>> connections = IntStream.range(0, 4)
                    .mapToObj(i -> client.connect(ByteArrayCodec.INSTANCE))
                    .toList();
            // The first call of a script on a new server sends its text; tests must not count that.
            RedisBackend.loadScripts(connections.get(0)).toCompletableFuture().join();
            return connections;
        }
    }
}
