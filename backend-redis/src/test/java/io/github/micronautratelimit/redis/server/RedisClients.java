package io.github.micronautratelimit.redis.server;

import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Connections with the options that the backend recommends: commands are rejected while disconnected, and time out. */
public final class RedisClients implements AutoCloseable {

    private final ClientResources resources = ClientResources.create();
    private final Duration timeout;
    private final SslOptions ssl;
    private final List<AbstractRedisClient> clients = new ArrayList<>();

    /** Creates clients whose commands time out only if the server hangs. */
    public RedisClients() {
        this(Duration.ofSeconds(20));
    }

    /** Creates clients with a timeout of commands. */
    public RedisClients(Duration timeout) {
        this(timeout, SslOptions.create());
    }

    /** Creates clients with a timeout of commands and trusted certificates. */
    public RedisClients(Duration timeout, SslOptions ssl) {
        this.timeout = timeout;
        this.ssl = ssl;
    }

    /** Opens a connection for a backend. */
    public StatefulRedisConnection<byte[], byte[]> connect(String uri) {
        return client(uri).connect(ByteArrayCodec.INSTANCE);
    }

    /** Opens a connection for a backend to the cluster of a node. */
    public StatefulRedisClusterConnection<byte[], byte[]> connectCluster(String uri) {
        return clusterClient(uri).connect(ByteArrayCodec.INSTANCE);
    }

    /** Opens a connection for inspection. */
    public RedisCommands<String, String> server(String uri) {
        return client(uri).connect().sync();
    }

    /** Creates a client of a server, or of a master behind Sentinels. */
    public RedisClient client(String uri) {
        RedisURI where = RedisURI.create(uri);
        where.setTimeout(timeout);
        RedisClient client = RedisClient.create(resources, where);
        client.setOptions(with(ClientOptions.builder()).build());
        clients.add(client);
        return client;
    }

    /** Creates a client of a cluster that refreshes its view of the hash slots after a redirection. */
    @SuppressWarnings("deprecation")
    public RedisClusterClient clusterClient(String uri) {
        RedisURI where = RedisURI.create(uri);
        where.setTimeout(timeout);
        RedisClusterClient client = RedisClusterClient.create(resources, where);
        ClusterClientOptions.Builder options = ClusterClientOptions.builder();
        with(options);
        client.setOptions(options.topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                        .enableAllAdaptiveRefreshTriggers()
                        .build())
                .build());
        clients.add(client);
        return client;
    }

    private ClientOptions.Builder with(ClientOptions.Builder options) {
        return options.disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(timeout))
                .sslOptions(ssl);
    }

    @Override
    public void close() {
        clients.forEach(client -> client.shutdown(Duration.ZERO, Duration.ofSeconds(2)));
        resources.shutdown(0, 2, TimeUnit.SECONDS);
    }
}
