package io.github.micronautratelimit.redis.server;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

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

/** Connections with the options that the backend asks for: refused while disconnected, and with a time limit each. */
public final class RedisClients implements AutoCloseable {

    private final ClientResources resources = ClientResources.create();
    private final Duration timeout;
    private final SslOptions ssl;
    private final List<AbstractRedisClient> clients = new ArrayList<>();

    /** Whose commands time out as late as only a hanging server makes them. */
    public RedisClients() {
        this(Duration.ofSeconds(20));
    }

    /** Whose commands time out so soon. */
    public RedisClients(Duration timeout) {
        this(timeout, SslOptions.create());
    }

    /** Whose commands time out so soon, and that trust whom these options say. */
    public RedisClients(Duration timeout, SslOptions ssl) {
        this.timeout = timeout;
        this.ssl = ssl;
    }

    /** A connection for a backend. */
    public StatefulRedisConnection<byte[], byte[]> connect(String uri) {
        return client(uri).connect(ByteArrayCodec.INSTANCE);
    }

    /** A connection for a backend, to a cluster of which this is a node. */
    public StatefulRedisClusterConnection<byte[], byte[]> connectCluster(String uri) {
        return clusterClient(uri).connect(ByteArrayCodec.INSTANCE);
    }

    /** What a server is asked directly. */
    public RedisCommands<String, String> server(String uri) {
        return client(uri).connect().sync();
    }

    /** A client of a server, or of a master behind sentinels. */
    public RedisClient client(String uri) {
        RedisURI where = RedisURI.create(uri);
        where.setTimeout(timeout);
        RedisClient client = RedisClient.create(resources, where);
        client.setOptions(with(ClientOptions.builder()).build());
        clients.add(client);
        return client;
    }

    /** A client of a cluster that looks again who has which slot when it is sent elsewhere. */
    @SuppressWarnings("deprecation")
    public RedisClusterClient clusterClient(String uri) {
        RedisURI where = RedisURI.create(uri);
        where.setTimeout(timeout);
        RedisClusterClient client = RedisClusterClient.create(resources, where);
        ClusterClientOptions.Builder options = ClusterClientOptions.builder();
        with(options);
        client.setOptions(options.topologyRefreshOptions(
                ClusterTopologyRefreshOptions.builder().enableAllAdaptiveRefreshTriggers().build()).build());
        clients.add(client);
        return client;
    }

    private ClientOptions.Builder with(ClientOptions.Builder options) {
        return options.disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .timeoutOptions(TimeoutOptions.enabled(timeout)).sslOptions(ssl);
    }

    @Override
    public void close() {
        clients.forEach(client -> client.shutdown(Duration.ZERO, Duration.ofSeconds(2)));
        resources.shutdown(0, 2, TimeUnit.SECONDS);
    }
}
