package io.github.micronautratelimit.redis;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The address of Redis and the options of the client. The client fails commands instead of queueing them: while it is
 * disconnected, it rejects commands, and a lost connection fails the commands in flight.
 *
 * <p>The text form names the servers, and never a user or a password.
 *
 * @param property the property or method that the address comes from, for messages
 * @param uris     the server or its Sentinels; of a cluster, some of the nodes
 * @param cluster  whether the servers form a cluster
 * @param timeout  the most time between a command and its reply
 * @param ssl      the trusted certificates; {@code null} for those that the JVM trusts
 */
record RedisConnectionSettings(
        String property, List<RedisURI> uris, boolean cluster, Duration timeout, @Nullable SslOptions ssl) {

    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(2);
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(2);
    /**
     * The most time between the connection and the server's reply to the first command. The topology of a cluster is
     * known this long after a node has hung, because the client asks all nodes at once and waits for each.
     */
    private static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(2);
    /**
     * Bounds the heap if a server hangs. 16 384 unanswered commands are enough for 160 000 commands per second within
     * 100 ms.
     */
    private static final int MAX_UNANSWERED = 16_384;

    private static final Duration KEEP_ALIVE_IDLE = Duration.ofSeconds(15);
    private static final int KEEP_ALIVE_PROBES = 3;

    RedisConnectionSettings {
        uris = uris.stream().map(RedisConnectionSettings::copy).toList();
    }

    /** Creates settings with the default options. */
    static RedisConnectionSettings of(String property, List<RedisURI> uris, boolean cluster) {
        return new RedisConnectionSettings(property, uris, cluster, DEFAULT_TIMEOUT, null);
    }

    /**
     * Creates settings from URIs in text form.
     *
     * @throws IllegalArgumentException if there is no URI or one is malformed; the message contains no URI, because a
     *                                  password may be in it
     */
    static RedisConnectionSettings parse(String property, List<String> uris, boolean cluster) {
        try {
            if (!uris.isEmpty()) {
                return of(property, uris.stream().map(RedisURI::create).toList(), cluster);
            }
        } catch (IllegalArgumentException e) {
            // The message repeats the URI.
        }
        throw new IllegalArgumentException(property + ": not a Redis URI; write one like "
                + "redis://user:password@host:6379, or rediss:// for TLS. Encode special characters, a space as %20.");
    }

    /** Returns these settings with other options. */
    RedisConnectionSettings withOptions(Duration newTimeout, @Nullable SslOptions newSsl) {
        return new RedisConnectionSettings(property, uris, cluster, newTimeout, newSsl);
    }

    /** Copies a URI, because the one of the application has a timeout for other uses. */
    private static RedisURI copy(RedisURI uri) {
        RedisURI copy = new RedisURI();
        copy.setHost(uri.getHost());
        copy.setPort(uri.getPort());
        copy.setSocket(uri.getSocket());
        copy.setSentinelMasterId(uri.getSentinelMasterId());
        uri.getSentinels().forEach(sentinel -> copy.getSentinels().add(copy(sentinel)));
        copy.setDatabase(uri.getDatabase());
        copy.setClientName(uri.getClientName());
        copy.setLibraryName(uri.getLibraryName());
        copy.setLibraryVersion(uri.getLibraryVersion());
        copy.applyAuthentication(uri);
        copy.applySsl(uri);
        Duration timeout = uri.getTimeout();
        copy.setTimeout(timeout.isZero() || timeout.compareTo(HANDSHAKE_TIMEOUT) > 0 ? HANDSHAKE_TIMEOUT : timeout);
        return copy;
    }

    /** Returns the options of a client of one server. */
    ClientOptions clientOptions() {
        return with(ClientOptions.builder()).build();
    }

    /**
     * Returns the options of a client of a cluster. Lettuce 7 deprecates some of them, because they are its default.
     */
    @SuppressWarnings("deprecation")
    ClusterClientOptions clusterOptions() {
        ClusterClientOptions.Builder builder = ClusterClientOptions.builder();
        with(builder);
        return builder.topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                        .enablePeriodicRefresh(Duration.ofSeconds(30))
                        .enableAllAdaptiveRefreshTriggers()
                        .adaptiveRefreshTriggersTimeout(Duration.ofSeconds(1))
                        .refreshTriggersReconnectAttempts(2)
                        .build())
                .build();
    }

    private ClientOptions.Builder with(ClientOptions.Builder builder) {
        if (ssl != null) {
            builder.sslOptions(ssl);
        }
        return builder.disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .requestQueueSize(MAX_UNANSWERED)
                .timeoutOptions(TimeoutOptions.enabled(timeout))
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT_TIMEOUT)
                        .tcpNoDelay(true)
                        .keepAlive(SocketOptions.KeepAliveOptions.builder()
                                .enable()
                                .idle(KEEP_ALIVE_IDLE)
                                .interval(KEEP_ALIVE_IDLE.dividedBy(KEEP_ALIVE_PROBES))
                                .count(KEEP_ALIVE_PROBES)
                                .build())
                        .build());
    }

    @Override
    public String toString() {
        return (cluster ? "The Redis cluster at " : "Redis at ")
                + uris.stream().map(RedisConnectionSettings::address).collect(Collectors.joining(", ")) + " ("
                + property + ")";
    }

    private static String address(RedisURI uri) {
        if (!uri.getSentinels().isEmpty()) {
            return "the master " + uri.getSentinelMasterId() + " of the Sentinels "
                    + uri.getSentinels().stream()
                            .map(RedisConnectionSettings::address)
                            .collect(Collectors.joining(", "));
        }
        return uri.getSocket() != null ? uri.getSocket() : uri.getHost() + ":" + uri.getPort();
    }
}
