package io.github.micronautratelimit.redis;

import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.models.partitions.Partitions;
import io.lettuce.core.cluster.models.partitions.RedisClusterNode;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Watches for nodes of a cluster that do not reply. The client notices neither that such a node has hung nor that its
 * host has disappeared, and goes on waiting for it.
 *
 * <p>While a node does not reply, the topology is read again from the nodes that reply, at most once a second, because
 * its hash slots may have moved. If a node has not replied for some seconds but accepts a new connection,
 * the present connection to it is lost, and a callback runs. A node that has hung accepts none, so the
 * connections to the other nodes stay.
 */
final class RedisClusterNodes {

    private static final String NO_NODE = "hash slots without a node";
    private static final Duration BETWEEN_REFRESHES = Duration.ofSeconds(1);

    private final RedisClusterClient cluster;
    private final RedisClient single;
    private final Duration maxSilence;
    private final Supplier<@Nullable Partitions> topology;
    private final Runnable onLostConnection;
    /** The time of the first timeout of a node since its last reply, by {@link System#nanoTime()}. */
    private final Map<String, Long> silentSince = new ConcurrentHashMap<>();

    private final AtomicBoolean refreshing = new AtomicBoolean();
    private final AtomicBoolean checking = new AtomicBoolean();
    private volatile long refreshedNanos = System.nanoTime() - BETWEEN_REFRESHES.toNanos();

    /**
     * Creates a watch.
     *
     * @param cluster          reads the topology
     * @param single           connects to one node; configured like the cluster
     * @param maxSilence       the time without a reply after which a new connection is tried
     * @param topology         the present topology; {@code null} while there is no connection
     * @param onLostConnection is called if the connection to a node is lost although the node accepts connections
     */
    RedisClusterNodes(
            RedisClusterClient cluster,
            RedisClient single,
            Duration maxSilence,
            Supplier<@Nullable Partitions> topology,
            Runnable onLostConnection) {
        this.cluster = cluster;
        this.single = single;
        this.maxSilence = maxSilence;
        this.topology = topology;
        this.onLostConnection = onLostConnection;
    }

    /** Returns the address of the master that keeps a key. */
    static String nodeOf(@Nullable Partitions topology, int slot) {
        if (topology == null) {
            return "";
        }
        RedisClusterNode node = topology.getMasterBySlot(slot);
        return node == null ? NO_NODE : address(node);
    }

    private static String address(RedisClusterNode node) {
        return node.getUri().getHost() + ":" + node.getUri().getPort();
    }

    void succeeded(CommandArgs<byte[], byte[]> call) {
        if (!silentSince.isEmpty()) {
            RedisClusterNode node = nodeOf(call);
            if (node != null) {
                silentSince.remove(address(node));
            }
        }
    }

    void failed(CommandArgs<byte[], byte[]> call, Throwable failure) {
        if (mayHaveMoved(failure)) {
            refreshTopology();
        }
        RedisClusterNode node = failure instanceof RedisCommandTimeoutException ? nodeOf(call) : null;
        if (node != null) {
            Long since = silentSince.putIfAbsent(address(node), System.nanoTime());
            if (since != null && System.nanoTime() - since > maxSilence.toNanos()) {
                check(node, since);
            }
        }
    }

    private static boolean mayHaveMoved(Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        return !(failure instanceof RedisCommandExecutionException)
                || message.contains("READONLY")
                || message.contains("CLUSTERDOWN");
    }

    /** Forgets which nodes do not reply, because there are new connections to all of them. */
    void reconnected() {
        silentSince.clear();
    }

    private @Nullable RedisClusterNode nodeOf(CommandArgs<byte[], byte[]> call) {
        Partitions known = topology.get();
        ByteBuffer key = call.getFirstEncodedKey();
        return known == null || key == null ? null : known.getMasterBySlot(SlotHash.getSlot(key.duplicate()));
    }

    private void refreshTopology() {
        if (System.nanoTime() - refreshedNanos > BETWEEN_REFRESHES.toNanos() && refreshing.compareAndSet(false, true)) {
            try {
                cluster.refreshPartitionsAsync().whenComplete((done, failure) -> refreshed());
            } catch (RuntimeException e) {
                // The client is closed.
                refreshed();
            }
        }
    }

    private void refreshed() {
        refreshedNanos = System.nanoTime();
        refreshing.set(false);
    }

    /** The handshake of a new connection needs a reply of the node. */
    private void check(RedisClusterNode node, Long since) {
        if (!checking.compareAndSet(false, true)) {
            return;
        }
        try {
            single.connectAsync(ByteArrayCodec.INSTANCE, node.getUri()).whenComplete((connection, failure) -> {
                checking.set(false);
                if (connection != null) {
                    connection.closeAsync();
                    if (silentSince.remove(address(node), since)) {
                        onLostConnection.run();
                    }
                }
            });
        } catch (RuntimeException e) {
            // The client is closed.
            checking.set(false);
        }
    }
}
