package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.redis.Script.CommandSource;
import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.cluster.models.partitions.Partitions;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection that the backend opens and owns. It connects in the background and retries until it succeeds; from then
 * on the client reconnects by itself. Commands fail at once while the connection is down.
 *
 * <p>The client does not notice that the server has become a replica, or that it has not replied for
 * {@link #MAX_SILENCE}. In both cases the connection is replaced. The connections to a cluster are replaced only if one
 * of them is lost, see {@link RedisClusterNodes}, and remain in use until the new ones are open.
 */
final class RedisConnection implements CommandSource, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RedisConnection.class);
    /** Bounds the reasons that are remembered so that each is logged once. */
    private static final int MAX_REASONS = 8;

    private static final Duration MAX_SILENCE = Duration.ofSeconds(3);
    private static final Duration BEFORE_REPLACEMENT = Duration.ofMillis(500);
    private static final Delay BACK_OFF =
            Delay.equalJitter(Duration.ofMillis(100), Duration.ofSeconds(2), 100, TimeUnit.MILLISECONDS);

    private final RedisConnectionSettings settings;
    private final Function<StatefulConnection<byte[], byte[]>, CompletionStage<Void>> prepare;
    private final ClientResources resources;
    private final boolean ownsResources;
    private final AbstractRedisClient client;
    /** Watches the nodes of a cluster; {@code null} for one server. */
    private final @Nullable RedisClusterNodes nodes;

    private final @Nullable RedisClient nodeClient;
    private final Delay backOff;
    private final CompletableFuture<@Nullable Void> firstAttempt = new CompletableFuture<>();
    private final Set<String> loggedReasons = ConcurrentHashMap.newKeySet();
    private final AtomicReference<@Nullable StatefulConnection<byte[], byte[]>> current = new AtomicReference<>();
    private volatile @Nullable RedisClusterAsyncCommands<byte[], byte[]> commands;
    /** The time of the first timeout since the last reply, by {@link System#nanoTime}; 0 if there was none. */
    private volatile long silentSince;

    private volatile String reason = "no reply yet";
    /** {@code true} if the connection has been logged; otherwise the next reply is logged. */
    private volatile boolean announced;

    private boolean connectedBefore;

    private final AtomicBoolean replacing = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * Starts to connect.
     *
     * @param settings the address and the options of the client
     * @param shared   threads that the caller owns; {@code null} to create and own threads
     * @param prepare  is called once with each new connection; a failure of it is ignored
     */
    RedisConnection(
            RedisConnectionSettings settings,
            @Nullable ClientResources shared,
            Function<StatefulConnection<byte[], byte[]>, CompletionStage<Void>> prepare) {
        this.settings = settings;
        this.prepare = prepare;
        this.ownsResources = shared == null;
        this.resources = shared == null
                ? ClientResources.builder().reconnectDelay(BACK_OFF).build()
                : shared;
        this.backOff = resources.reconnectDelay();
        if (settings.cluster()) {
            RedisClusterClient cluster = RedisClusterClient.create(resources, settings.uris());
            cluster.setOptions(settings.clusterOptions());
            this.client = cluster;
            this.nodeClient = RedisClient.create(resources);
            nodeClient.setOptions(settings.clientOptions());
            this.nodes = new RedisClusterNodes(
                    cluster, nodeClient, MAX_SILENCE, this::topology, this::replaceClusterConnection);
        } else {
            RedisClient single = RedisClient.create(resources);
            single.setOptions(settings.clientOptions());
            this.client = single;
            this.nodeClient = null;
            this.nodes = null;
        }
        connect(1);
    }

    /** Returns the commands of the connection; throws a {@link RedisConnectionException} if there is none. */
    @Override
    public RedisClusterAsyncCommands<byte[], byte[]> commands() {
        RedisClusterAsyncCommands<byte[], byte[]> connected = commands;
        if (connected == null) {
            throw new RedisConnectionException(settings + " is not connected: " + reason);
        }
        return connected;
    }

    @Override
    public String nodeOf(byte[] key) {
        return nodes == null ? "" : RedisClusterNodes.nodeOf(topology(), SlotHash.getSlot(key));
    }

    private @Nullable Partitions topology() {
        return current.get() instanceof StatefulRedisClusterConnection<byte[], byte[]> connected
                ? connected.getPartitions()
                : null;
    }

    boolean isCluster() {
        return settings.cluster();
    }

    /** Waits until the first attempt to connect has succeeded or failed, and no longer than the timeout. */
    void awaitFirstAttempt(Duration timeout) {
        try {
            firstAttempt.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("Not waiting any longer for {}", settings, e);
        }
    }

    private void connect(int attempt) {
        if (closed.get()) {
            return;
        }
        open().whenComplete((connection, failure) -> {
            if (failure == null) {
                connected(connection);
            } else if (!closed.get()) {
                report(text(root(failure)));
                firstAttempt.complete(null);
                resources
                        .eventExecutorGroup()
                        .schedule(
                                () -> connect(attempt + 1),
                                backOff.createDelay(attempt).toMillis(),
                                TimeUnit.MILLISECONDS);
            }
        });
    }

    private CompletionStage<? extends StatefulConnection<byte[], byte[]>> open() {
        try {
            if (client instanceof RedisClusterClient cluster) {
                return cluster.refreshPartitionsAsync()
                        .thenCompose(known -> cluster.connectAsync(ByteArrayCodec.INSTANCE));
            }
            return ((RedisClient) client)
                    .connectAsync(ByteArrayCodec.INSTANCE, settings.uris().get(0));
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    private void connected(StatefulConnection<byte[], byte[]> connection) {
        use(connection);
        if (closed.get()) {
            commands = null;
            connection.closeAsync();
            return;
        }
        if (!connectedBefore) {
            connectedBefore = true;
            announce();
        }
        CompletableFuture.completedStage(connection)
                .thenCompose(prepare)
                .whenComplete((done, failure) -> firstAttempt.complete(null));
    }

    /** A later connection is logged with its first reply, because it may lead to a replica again. */
    private void announce() {
        if (!announced) {
            announced = true;
            LOG.info("{} is connected.", settings);
        }
    }

    private void use(StatefulConnection<byte[], byte[]> connection) {
        current.set(connection);
        silentSince = 0;
        commands = connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster
                ? cluster.async()
                : ((StatefulRedisConnection<byte[], byte[]>) connection).async();
    }

    @Override
    public void succeeded(CommandArgs<byte[], byte[]> call) {
        announce();
        if (nodes != null) {
            nodes.succeeded(call);
        } else if (silentSince != 0) {
            silentSince = 0;
        }
    }

    @Override
    public void failed(CommandArgs<byte[], byte[]> call, Throwable failure) {
        if (nodes != null) {
            nodes.failed(call, failure);
        } else if (failure instanceof RedisCommandExecutionException
                && String.valueOf(failure.getMessage()).contains("READONLY")) {
            replaceConnection("it has become a replica");
        } else if (failure instanceof RedisCommandTimeoutException) {
            long now = System.nanoTime();
            if (silentSince == 0) {
                silentSince = now;
            } else if (now - silentSince > MAX_SILENCE.toNanos()) {
                replaceConnection("it does not reply");
            }
        }
    }

    private void replaceConnection(String why) {
        StatefulConnection<byte[], byte[]> useless = current.getAndSet(null);
        if (useless != null && !closed.get()) {
            commands = null;
            report(why);
            useless.closeAsync();
            resources
                    .eventExecutorGroup()
                    .schedule(() -> connect(1), BEFORE_REPLACEMENT.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Opens new connections to the nodes that reply, and closes the present ones when the new ones are in use. */
    private void replaceClusterConnection() {
        if (!closed.get() && replacing.compareAndSet(false, true)) {
            open().whenComplete((connection, failure) -> {
                if (connection == null) {
                    replacing.set(false);
                    return;
                }
                CompletableFuture.completedStage(connection)
                        .thenCompose(prepare)
                        .whenComplete((done, unprepared) -> swap(connection));
            });
        }
    }

    private void swap(StatefulConnection<byte[], byte[]> connection) {
        StatefulConnection<byte[], byte[]> lost = current.get();
        use(connection);
        replacing.set(false);
        if (nodes != null) {
            nodes.reconnected();
        }
        if (closed.get()) {
            commands = null;
        }
        if (lost != null) {
            // Calls in flight end first: each has a timeout.
            resources
                    .eventExecutorGroup()
                    .schedule(lost::closeAsync, 2 * settings.timeout().toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    /** Logs each reason once. */
    private void report(String text) {
        reason = text;
        if (loggedReasons.size() < MAX_REASONS && loggedReasons.add(text)) {
            announced = false;
            if (isAboutCredentials(text)) {
                LOG.error(
                        "{} rejected the user and password in {}: {}. Correct them; the client retries in the "
                                + "background. Until it is connected, the on-error of each policy decides.",
                        settings,
                        settings.property(),
                        text);
            } else {
                LOG.warn(
                        "{} cannot be reached: {}. The client retries in the background. Until it is connected, the "
                                + "on-error of each policy decides.",
                        settings,
                        text);
            }
        }
    }

    /** Returns the innermost cause. A cluster's outer message lists all addresses with users. */
    private static Throwable root(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null || root.getSuppressed().length > 0) {
            root = root.getCause() != null ? root.getCause() : root.getSuppressed()[0];
        }
        return root;
    }

    /** Returns the first clause. A server repeats the arguments of an unknown command, and one may be a password. */
    private static String text(Throwable root) {
        String message = root.getMessage();
        return message == null ? root.getClass().getSimpleName() : message.split(",|\\.?$", 2)[0];
    }

    private static boolean isAboutCredentials(String text) {
        String upper = text.toUpperCase(Locale.ROOT);
        return upper.contains("AUTH") || upper.contains("PASS") || upper.contains("NOPERM");
    }

    /** Closes the connection and stops retrying. Returns when the threads have ended, after 4 seconds at the latest. */
    @Override
    public void close() {
        if (closed.getAndSet(true)) {
            return;
        }
        reason = "closed";
        commands = null;
        client.shutdown(0, 2, TimeUnit.SECONDS);
        if (nodeClient != null) {
            nodeClient.shutdown(0, 2, TimeUnit.SECONDS);
        }
        if (ownsResources) {
            resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        }
    }
}
