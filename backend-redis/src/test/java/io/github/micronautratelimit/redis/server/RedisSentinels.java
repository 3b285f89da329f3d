package io.github.micronautratelimit.redis.server;

import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.sentinel.api.sync.RedisSentinelCommands;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A master, two replicas, and three Sentinels that promote a replica soon after the master has died. */
public final class RedisSentinels implements AutoCloseable {

    private static final String NAME = "limits";

    private final RedisClients clients = new RedisClients();
    private final RedisProcess master = RedisProcess.start();
    private final List<RedisProcess> replicas;
    private final List<RedisProcess> sentinels;

    private RedisSentinels() {
        replicas = Stream.generate(() -> RedisProcess.start("replicaof 127.0.0.1 " + master.port()))
                .limit(2)
                .toList();
        // Sentinels look for replicas when they start, and then not for ten seconds.
        awaitReplicated();
        sentinels = Stream.generate(() -> RedisProcess.start(
                        "sentinel monitor " + NAME + " 127.0.0.1 " + master.port() + " 2",
                        "sentinel down-after-milliseconds " + NAME + " 1000",
                        "sentinel failover-timeout " + NAME + " 10000"))
                .limit(3)
                .toList();
        for (RedisProcess sentinel : sentinels) {
            RedisSentinelCommands<String, String> commands =
                    clients.client(sentinel.uri()).connectSentinel().sync();
            Eventually.await("the sentinels know each other", () -> commands.info("sentinel")
                    .contains("status=ok,address=127.0.0.1:" + master.port() + ",slaves=2,sentinels=3"));
        }
    }

    /** Starts the servers and waits until the Sentinels know each other. */
    public static RedisSentinels start() {
        return new RedisSentinels();
    }

    /** Returns the URI of the Sentinels. */
    public String uri() {
        return sentinels.stream()
                .map(sentinel -> "127.0.0.1:" + sentinel.port())
                .collect(Collectors.joining(",", "redis-sentinel://", "#" + NAME));
    }

    /** Returns the first master. */
    public RedisProcess master() {
        return master;
    }

    /** Waits until both replicas are in sync with the master. */
    public void awaitReplicated() {
        RedisCommands<String, String> commands = clients.server(master.uri());
        Eventually.await("both replicas are in sync", () -> {
            String info = commands.info("replication");
            String offset = info.replaceAll("(?s).*master_repl_offset:(\\d+).*", "$1");
            return info.split("state=online,offset=" + offset + ",", -1).length == 3;
        });
    }

    @Override
    public void close() {
        clients.close();
        sentinels.forEach(RedisProcess::close);
        replicas.forEach(RedisProcess::close);
        master.close();
    }
}
