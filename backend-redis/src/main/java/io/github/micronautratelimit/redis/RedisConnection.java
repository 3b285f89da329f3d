package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;

/**
 * A connection of the backend's own, made in the background: it is tried until there is one, and from then on the
 * client keeps it up. Meanwhile, and whenever it is down, commands fail at once.
 */
final class RedisConnection implements Link, AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RedisConnection.class);
    private static final int MOST_TOLD = 8;
    private static final Duration LONGEST_SILENCE = Duration.ofSeconds(3);
    private static final Duration BEFORE_ANEW = Duration.ofMillis(500);
    private static final Delay BACK_OFF = Delay.equalJitter(Duration.ofMillis(100), Duration.ofSeconds(2), 100,
            TimeUnit.MILLISECONDS);

    private final RedisLocation location;
    private final Function<StatefulConnection<byte[], byte[]>, CompletionStage<Void>> prepare;
    private final ClientResources resources;
    private final boolean ownsResources;
    private final AbstractRedisClient client;
    private final Delay backOff;
    private final CompletableFuture<@Nullable Void> tried = new CompletableFuture<>();
    private final Set<String> told = ConcurrentHashMap.newKeySet();
    private final AtomicReference<@Nullable StatefulConnection<byte[], byte[]>> current = new AtomicReference<>();
    private volatile @Nullable RedisClusterAsyncCommands<byte[], byte[]> commands;
    /** Since when calls have only timed out, by {@link System#nanoTime}; 0 if one was answered since. */
    private volatile long silentSince;
    private volatile String reason = "no answer yet";
    private volatile boolean closed;

    /**
     * Starts to connect.
     *
     * @param location where to
     * @param options  how the client behaves
     * @param shared   threads to use, which stay the caller's to shut down; without any, the connection has its own
     * @param prepare  is done once with the new connection; that it fails does no harm
     */
    RedisConnection(RedisLocation location, ConnectionOptions options, @Nullable ClientResources shared,
                    Function<StatefulConnection<byte[], byte[]>, CompletionStage<Void>> prepare) {
        this.location = location;
        this.prepare = prepare;
        this.ownsResources = shared == null;
        this.resources = shared == null ? ClientResources.builder().reconnectDelay(BACK_OFF).build() : shared;
        this.backOff = resources.reconnectDelay();
        if (location.cluster()) {
            RedisClusterClient cluster = RedisClusterClient.create(resources, location.uris());
            cluster.setOptions(options.cluster());
            this.client = cluster;
        } else {
            RedisClient single = RedisClient.create(resources);
            single.setOptions(options.single());
            this.client = single;
        }
        connect(1);
    }

    /** The commands of the connection; throws while there has not been one yet. */
    @Override
    public RedisClusterAsyncCommands<byte[], byte[]> commands() {
        RedisClusterAsyncCommands<byte[], byte[]> connected = commands;
        if (connected == null) {
            throw new RedisConnectionException(location + " is not connected: " + reason);
        }
        return connected;
    }

    boolean isCluster() {
        return location.cluster();
    }

    /** Waits until the first try has succeeded and the connection is prepared, or has failed; or not even that long. */
    void awaitFirstTry(Duration most) {
        try {
            tried.get(most.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            LOG.debug("Not waiting any longer for {}", location, e);
        }
    }

    private void connect(int attempt) {
        if (closed) {
            return;
        }
        open().whenComplete((connection, failure) -> {
            if (failure == null) {
                connected(connection);
            } else if (!closed) {
                unreachable(failure);
                resources.eventExecutorGroup().schedule(() -> connect(attempt + 1),
                        backOff.createDelay(attempt).toMillis(), TimeUnit.MILLISECONDS);
            }
        });
    }

    private CompletionStage<? extends StatefulConnection<byte[], byte[]>> open() {
        try {
            if (client instanceof RedisClusterClient cluster) {
                return cluster.refreshPartitionsAsync()
                        .thenCompose(known -> cluster.connectAsync(ByteArrayCodec.INSTANCE));
            }
            return ((RedisClient) client).connectAsync(ByteArrayCodec.INSTANCE, location.uris().get(0));
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    private void connected(StatefulConnection<byte[], byte[]> connection) {
        current.set(connection);
        silentSince = 0;
        commands = connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster ? cluster.async()
                : ((StatefulRedisConnection<byte[], byte[]>) connection).async();
        if (closed) {
            commands = null;
            connection.closeAsync();
            return;
        }
        LOG.info("{} is connected.", location);
        CompletableFuture.completedStage(connection).thenCompose(prepare)
                .whenComplete((done, failure) -> tried.complete(null));
    }

    @Override
    public void answered() {
        if (silentSince != 0) {
            silentSince = 0;
        }
    }

    @Override
    public void failed(Throwable failure) {
        if (failure instanceof RedisCommandExecutionException
                && String.valueOf(failure.getMessage()).contains("READONLY")) {
            connectAnew("it has become a replica");
        } else if (failure instanceof RedisCommandTimeoutException) {
            long now = System.nanoTime();
            if (silentSince == 0) {
                silentSince = now;
            } else if (now - silentSince > LONGEST_SILENCE.toNanos()) {
                connectAnew("it does not answer");
            }
        }
    }

    private void connectAnew(String why) {
        StatefulConnection<byte[], byte[]> useless = current.getAndSet(null);
        if (useless != null && !closed) {
            commands = null;
            tell(why);
            useless.closeAsync();
            resources.eventExecutorGroup().schedule(() -> connect(1), BEFORE_ANEW.toMillis(), TimeUnit.MILLISECONDS);
        }
    }

    private void unreachable(Throwable failure) {
        tell(text(root(failure)));
        tried.complete(null);
    }

    /** Logs each reason once. */
    private void tell(String text) {
        reason = text;
        if (told.size() < MOST_TOLD && told.add(text)) {
            if (isOfCredentials(text)) {
                LOG.error("{} does not accept the user and password of {}: {}. It is tried again; until then, the "
                        + "on-error of each policy decides.", location, location.setting(), text);
            } else {
                LOG.warn("{} cannot be reached: {}. It is tried again; until then, the on-error of each policy "
                        + "decides.", location, text);
            }
        }
    }

    /** Of a cluster, what the first node said: the whole lists all addresses, with users. */
    private static Throwable root(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null || root.getSuppressed().length > 0) {
            root = root.getCause() != null ? root.getCause() : root.getSuppressed()[0];
        }
        return root;
    }

    /** The first clause: a server that does not know a command repeats its arguments, which may be a password. */
    private static String text(Throwable root) {
        String message = root.getMessage();
        return message == null ? root.getClass().getSimpleName() : message.split(",|\\.?$", 2)[0];
    }

    private static boolean isOfCredentials(String text) {
        String upper = text.toUpperCase(Locale.ROOT);
        return upper.contains("AUTH") || upper.contains("PASS") || upper.contains("NOPERM");
    }

    /** Closes the connection, or stops trying; returns when that is done. */
    @Override
    public void close() {
        closed = true;
        reason = "closed";
        commands = null;
        client.shutdown(0, 2, TimeUnit.SECONDS);
        if (ownsResources) {
            resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        }
    }
}
