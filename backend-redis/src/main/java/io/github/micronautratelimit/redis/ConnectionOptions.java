package io.github.micronautratelimit.redis;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.SslOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;

/**
 * How the client behaves: it rather fails a command than keeps it. That it rejects commands while disconnected holds
 * for those that are on their way, too.
 *
 * @param deadline for which a caller waits
 * @param ssl      trusted certificates and the like; {@code null} for those of the JVM
 */
record ConnectionOptions(Duration deadline, @Nullable SslOptions ssl) {

    private static final Duration CONNECT = Duration.ofSeconds(2);
    /** So that a server that hangs cannot fill the heap: enough for 160 000 commands a second within 100 ms. */
    private static final int MOST_UNANSWERED = 16_384;
    private static final Duration IDLE = Duration.ofSeconds(15);
    private static final int PROBES = 3;

    ClientOptions single() {
        return with(ClientOptions.builder()).build();
    }

    /** Lettuce 7 does unasked, and calls deprecated, what Lettuce 6 must be told. */
    @SuppressWarnings("deprecation")
    ClusterClientOptions cluster() {
        ClusterClientOptions.Builder builder = ClusterClientOptions.builder();
        with(builder);
        return builder.topologyRefreshOptions(ClusterTopologyRefreshOptions.builder()
                .enablePeriodicRefresh(Duration.ofSeconds(30))
                .enableAllAdaptiveRefreshTriggers()
                .adaptiveRefreshTriggersTimeout(Duration.ofSeconds(1))
                .refreshTriggersReconnectAttempts(2)
                .build()).build();
    }

    private ClientOptions.Builder with(ClientOptions.Builder builder) {
        if (ssl != null) {
            builder.sslOptions(ssl);
        }
        return builder
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .requestQueueSize(MOST_UNANSWERED)
                // Nobody listens any more: the guard has answered at the deadline, and says that it was late.
                .timeoutOptions(TimeoutOptions.enabled(deadline.multipliedBy(2)))
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(CONNECT)
                        .tcpNoDelay(true)
                        .keepAlive(SocketOptions.KeepAliveOptions.builder()
                                .enable().idle(IDLE).interval(IDLE.dividedBy(PROBES)).count(PROBES).build())
                        .build());
    }
}
