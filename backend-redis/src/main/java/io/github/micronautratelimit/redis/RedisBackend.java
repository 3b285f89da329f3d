package io.github.micronautratelimit.redis;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;

/**
 * Keeps every key's state in Redis.
 *
 * <p>A decision is one script call, whatever the number of limits and policies, and one atomic step; the server's clock
 * decides. A key in Redis is <code>namespace:policy:{hash}</code>, a string that expires by itself when every permit is
 * free again; the hash is {@link KeyHash#brief} of the key, so no identity can be read from it. All that is written is
 * what was granted, given back or reset.
 *
 * <p>In a cluster, keys of the same identity share a slot, whatever their policies, so a request under several policies
 * is one step there too. If a request names several identities, those in different slots are asked in turn, and what was
 * taken is given back if one denies. Under memory pressure a server that evicts keys may forget a key early, which then
 * starts afresh: {@code noeviction} or {@code volatile-ttl} suit best.
 *
 * <p>Nothing here waits or retries, and stages may complete on the client's own threads. A stage completes
 * exceptionally with what the client reports. For that to be soon while the server is away, give the client
 * {@code ClientOptions} with {@code disconnectedBehavior(REJECT_COMMANDS)}, because by default commands are queued
 * while disconnected, and {@code timeoutOptions(TimeoutOptions.enabled(...))}, because by default they never time out.
 * A command whose answer is lost may have been carried out: it costs at most its own permits.
 */
public final class RedisBackend implements RateLimitBackend {

    private static final Script DECIDE = new Script("decide.lua");

    private final Supplier<RedisClusterAsyncCommands<byte[], byte[]>> commands;
    private final boolean cluster;
    private final String namespace;
    private final @Nullable MicroClock clock;

    /**
     * A backend on a connection, which stays the caller's to close.
     *
     * @param connection to one server, used by any number of threads at once
     * @param namespace  what the names of all keys start with; applications that share a server and not their limits
     *                   take different ones, none of which is another one's beginning up to a colon
     */
    public RedisBackend(StatefulRedisConnection<byte[], byte[]> connection, String namespace) {
        this(connection, namespace, null);
    }

    /**
     * A backend on a connection to a cluster, which stays the caller's to close.
     *
     * @param connection to a cluster, used by any number of threads at once
     * @param namespace  what the names of all keys start with; applications that share a cluster and not their limits
     *                   take different ones, none of which is another one's beginning up to a colon
     */
    public RedisBackend(StatefulRedisClusterConnection<byte[], byte[]> connection, String namespace) {
        this(connection::async, true, namespace, null);
    }

    /** With a clock whose time is sent along instead of the server's; keys then live an hour longer than they must. */
    RedisBackend(StatefulRedisConnection<byte[], byte[]> connection, String namespace, @Nullable MicroClock clock) {
        this(connection::async, false, namespace, clock);
    }

    /** With a clock whose time is sent along instead of the servers'; keys then live an hour longer than they must. */
    RedisBackend(StatefulRedisClusterConnection<byte[], byte[]> connection, String namespace,
                 @Nullable MicroClock clock) {
        this(connection::async, true, namespace, clock);
    }

    /** On commands that are to be had while there is a connection, and otherwise throw. */
    RedisBackend(Supplier<RedisClusterAsyncCommands<byte[], byte[]>> commands, boolean cluster, String namespace) {
        this(commands, cluster, namespace, null);
    }

    private RedisBackend(Supplier<RedisClusterAsyncCommands<byte[], byte[]>> commands, boolean cluster,
                         String namespace, @Nullable MicroClock clock) {
        this.commands = commands;
        this.cluster = cluster;
        this.namespace = namespace;
        this.clock = clock;
    }

    /** Tells a server, or each master of a cluster, the script, so that the first decision need not. */
    static CompletionStage<Void> load(StatefulConnection<byte[], byte[]> connection) {
        return DECIDE.load(connection);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return call("acquire", List.of(new Ask(policy, key, permits))).thenApply(decisions -> decisions.get(0));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        return cluster && slots(asks) > 1 ? RateLimitBackend.super.acquireAll(asks)
                : call("acquire", List.copyOf(asks));
    }

    private long slots(List<Ask> asks) {
        return asks.stream().mapToInt(ask -> SlotHash.getSlot(name(ask.policy(), ask.key()))).distinct().count();
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return call("peek", List.of(new Ask(policy, key, permits))).thenApply(decisions -> decisions.get(0));
    }

    private CompletionStage<List<Decision>> call(String operation, List<Ask> asks) {
        return run(operation, asks).thenApply(reply -> new Reply(reply).decisions(asks));
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return run("refund", List.of(new Ask(policy, key, permits))).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return connected(commands -> commands.del(name(policy, key))).thenApply(done -> null);
    }

    private CompletionStage<List<Object>> run(String operation, List<Ask> asks) {
        byte[][] keys = asks.stream().map(ask -> name(ask.policy(), ask.key())).toArray(byte[][]::new);
        return connected(commands -> DECIDE.run(commands, keys, Arguments.of(operation, clock, asks)));
    }

    private <T> CompletionStage<T> connected(
            Function<RedisClusterAsyncCommands<byte[], byte[]>, CompletionStage<T>> call) {
        try {
            return call.apply(commands.get());
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    private byte[] name(Policy policy, String key) {
        return (namespace + ":" + policy.name() + ":{" + KeyHash.brief(key) + "}").getBytes(StandardCharsets.UTF_8);
    }
}
