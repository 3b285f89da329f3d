package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisCluster;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.event.command.CommandListener;
import io.lettuce.core.event.command.CommandStartedEvent;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/** The cluster that all contract tests of a run share, with four connections like {@link Redis}. */
final class ClusterOfRedis {

    private static final AtomicLong SENT = new AtomicLong();
    private static final AtomicInteger NEXT = new AtomicInteger();

    private ClusterOfRedis() {}

    /** Returns one of the four connections in turn. */
    static StatefulRedisClusterConnection<byte[], byte[]> connection() {
        return Shared.CONNECTIONS.get(Math.floorMod(NEXT.getAndIncrement(), Shared.CONNECTIONS.size()));
    }

    /** Returns the number of commands that were sent on the four connections, to all nodes. */
    static long commandsSent() {
        return SENT.get();
    }

    /** Returns a connection to each node, whose commands are not counted. */
    static List<RedisCommands<String, String>> servers() {
        return Shared.CLUSTER.nodes();
    }

    private static final class Shared {

        static final RedisCluster CLUSTER = RedisCluster.start();
        static final List<StatefulRedisClusterConnection<byte[], byte[]>> CONNECTIONS = connections();

        @SuppressWarnings("resource")
        private static List<StatefulRedisClusterConnection<byte[], byte[]>> connections() {
            RedisClusterClient client = new RedisClients().clusterClient(CLUSTER.uri());
            client.addListener(new CommandListener() {
                @Override
                public void commandStarted(CommandStartedEvent event) {
                    SENT.incrementAndGet();
                }
            });
            List<StatefulRedisClusterConnection<byte[], byte[]>> connections = IntStream.range(0, 4)
                    .mapToObj(i -> client.connect(ByteArrayCodec.INSTANCE))
                    .toList();
            connections.forEach(Shared::warm);
            return connections;
        }

        /** Loads the scripts as a connected backend does, and sends a request to every node: its connection is open. */
        private static void warm(StatefulRedisClusterConnection<byte[], byte[]> connection) {
            RedisBackend.loadScripts(connection).toCompletableFuture().join();
            RedisBackend backend = new RedisBackend(connection, "warm");
            for (int i = 0; i < 30; i++) {
                backend.peek(Policy.of("warm", "1/s"), "key" + i, 0)
                        .toCompletableFuture()
                        .join();
            }
        }
    }
}
