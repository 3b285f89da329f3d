package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.Reservation.Settlement;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.redis.Script.CommandSource;
import io.github.micronautratelimit.redis.ScriptCall.PendingDecision;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the state of keys in Redis.
 *
 * <pre>{@code
 * RateLimiter limiter = RateLimiter.builder(RedisBackend.connect("redis://localhost:6379")).build();
 * }</pre>
 *
 * <p><em>Decisions.</em> A decision is one script call and one atomic step, regardless of the number of limits and
 * policies. The server's clock decides. An idle client sends a request at once. Requests that arrive while the client
 * is busy share calls, and each is decided by itself. Only grants, refunds, reservations,
 * settlements, blocks and resets write to Redis.
 *
 * <p><em>Calendar quotas.</em> The server knows no time zones. A call names the windows around the present of this
 * process, and the server's clock picks one. If its time is in none of them, it decides nothing, and the call is sent
 * once more with the windows around that time. Later calls allow for the difference of the clocks.
 *
 * <p><em>Keys.</em> The name of a key in Redis is <code>namespace:policy:{hash}</code>. The hash is
 * {@link KeyHash#brief} of the key, so the name reveals no identity. If the name of the policy is longer than nine
 * characters or contains a tilde, a colon or a brace, the key contains its last three other characters, a tilde, and
 * the first five characters of its own {@link KeyHash#brief}. A key expires when all permits are free again and its
 * last reservation has expired. An open reservation takes 36 bytes of its key. A server that evicts a key early resets
 * it, so use {@code noeviction} or {@code volatile-ttl}.
 *
 * <p><em>Cluster.</em> All keys of one identity are in one hash slot, so a request under several policies is one atomic
 * step there too. If a request names identities in different slots, the backend calls the slots one after the other,
 * and refunds the permits if one denies.
 *
 * <p><em>Failures.</em> The backend neither waits nor retries, and stages may complete on the client's threads. A stage
 * fails with the exception of the client. If a reply is lost, the server may have executed the call, which costs at
 * most its own permits; the stage then fails with a {@link java.util.concurrent.TimeoutException}. {@link #connect}
 * configures the client to fail fast. For a connection of your own, set the {@code ClientOptions}
 * {@code disconnectedBehavior(REJECT_COMMANDS)} and {@code timeoutOptions(TimeoutOptions.enabled(...))}: by default,
 * Lettuce queues commands while it is disconnected, and they never time out.
 */
public final class RedisBackend implements RateLimitBackend {

    /** The namespace of {@link #connect(String)}. */
    public static final String DEFAULT_NAMESPACE = "ratelimit";

    /**
     * The most weight of the requests of one call. Longer batches are sent as single requests, so that one call does
     * not block the server for other clients.
     */
    private static final int MAX_BATCH = 1024;

    private static final Duration MAX_CONNECT_WAIT = Duration.ofSeconds(1);
    private static final Script DECIDE = Script.of("decide.lua");

    private final CommandSource source;
    private final boolean cluster;
    private final String namespace;
    private final Runnable onClose;
    private final Dispatcher dispatcher;
    private final EncodedPolicy.Cache policies;
    private final RedisConcurrencyBackend concurrency;

    /**
     * Creates a backend on a connection to one server. The caller owns the connection and closes it.
     *
     * @param connection a connection that any number of threads may use
     * @param namespace  the start of the names of all keys. Applications that share a server, but not their limits, use
     *                   different namespaces. 1 to 64 ASCII characters without spaces and braces.
     */
    public RedisBackend(StatefulRedisConnection<byte[], byte[]> connection, String namespace) {
        this(connection, namespace, null);
    }

    /**
     * Creates a backend on a connection to a cluster. The caller owns the connection and closes it.
     *
     * @param connection a connection that any number of threads may use
     * @param namespace  the start of the names of all keys. Applications that share a cluster, but not their limits,
     *                   use different namespaces. 1 to 64 ASCII
     *                   characters without spaces and braces.
     */
    public RedisBackend(StatefulRedisClusterConnection<byte[], byte[]> connection, String namespace) {
        this(connection, namespace, null);
    }

    /** With a clock, sends its time instead of the server's. Keys then live one hour longer than necessary. */
    RedisBackend(StatefulRedisConnection<byte[], byte[]> connection, String namespace, @Nullable MicroClock clock) {
        this(connection::async, false, namespace, clock, () -> {});
    }

    /** With a clock, sends its time instead of the servers'. Keys then live one hour longer than necessary. */
    RedisBackend(
            StatefulRedisClusterConnection<byte[], byte[]> connection, String namespace, @Nullable MicroClock clock) {
        this(new ClusterSource(connection), true, namespace, clock, () -> {});
    }

    /** With a clock that sends its time instead of the server's, and another one that this process believes. */
    RedisBackend(
            StatefulRedisConnection<byte[], byte[]> connection,
            String namespace,
            @Nullable MicroClock clock,
            MicroClock caller) {
        this(connection::async, false, namespace, clock, caller, () -> {});
    }

    /** Owns the connection. */
    RedisBackend(RedisConnection connection, String namespace) {
        this(connection, connection.isCluster(), namespace, null, connection::close);
    }

    private RedisBackend(
            CommandSource source, boolean cluster, String namespace, @Nullable MicroClock clock, Runnable onClose) {
        this(source, cluster, namespace, clock, clock == null ? MicroClock.system() : clock, onClose);
    }

    private RedisBackend(
            CommandSource source,
            boolean cluster,
            String namespace,
            @Nullable MicroClock clock,
            MicroClock caller,
            Runnable onClose) {
        this.source = source;
        this.cluster = cluster;
        this.namespace = namespace;
        this.onClose = onClose;
        this.dispatcher = new Dispatcher(DECIDE, source, cluster, clock, caller);
        this.policies = new EncodedPolicy.Cache(namespace);
        this.concurrency = new RedisConcurrencyBackend(source, policies, clock);
    }

    /**
     * Connects to a server in the namespace {@value #DEFAULT_NAMESPACE}; see {@link #connect(String, String)}.
     *
     * @param uri for example {@code redis://localhost:6379}
     * @return a backend that owns its connection
     * @throws IllegalArgumentException if the URI is malformed
     */
    public static RedisBackend connect(String uri) {
        return connect(uri, DEFAULT_NAMESPACE);
    }

    /**
     * Connects to one server, or to the master that Sentinels name. Waits up to 1 s for the connection. If there is
     * none by then, calls fail at once, and the client retries in the background. After 2 s without a reply, a call
     * fails.
     *
     * @param uri       {@code redis://user:password@host:6379}, {@code rediss://} for TLS, or
     *                  {@code redis-sentinel://host1:26379,host2:26379#master}
     * @param namespace the start of the names of all keys. Applications that share a server, but not their limits, use
     *                  different namespaces. 1 to 64 ASCII characters without spaces and braces.
     * @return a backend that owns its connection: {@link #close()} closes it
     * @throws IllegalArgumentException if the URI or the namespace is malformed
     */
    public static RedisBackend connect(String uri, String namespace) {
        return connect(RedisConnectionSettings.parse("RedisBackend.connect", List.of(uri), false), namespace);
    }

    /**
     * Connects to a cluster. Waits up to 1 s for the connection. If there is none by then, calls fail at once, and the
     * client retries in the background. After 2 s without a reply, a call fails.
     *
     * @param uris      at least one node; the client discovers the others
     * @param namespace the start of the names of all keys. Applications that share a cluster, but not their limits, use
     *                  different namespaces. 1 to 64 ASCII characters without spaces and braces.
     * @return a backend that owns its connection: {@link #close()} closes it
     * @throws IllegalArgumentException if there is no URI, or a URI or the namespace is malformed
     */
    public static RedisBackend connectCluster(List<String> uris, String namespace) {
        return connect(RedisConnectionSettings.parse("RedisBackend.connectCluster", uris, true), namespace);
    }

    private static RedisBackend connect(RedisConnectionSettings settings, String namespace) {
        EncodedPolicy.Cache.requireNamespace(namespace);
        RedisConnection connection = new RedisConnection(settings, null, RedisBackend::loadScripts);
        connection.awaitFirstAttempt(MAX_CONNECT_WAIT);
        return new RedisBackend(connection, namespace);
    }

    /**
     * Loads the scripts into a server, or into each master of a cluster, so that the first decision is one round trip.
     */
    static CompletionStage<Void> loadScripts(StatefulConnection<byte[], byte[]> connection) {
        return DECIDE.load(connection).thenCombine(RedisConcurrencyBackend.LEASE.load(connection), (done, too) -> done);
    }

    /** The commands of a connection to a cluster that the caller owns. */
    private record ClusterSource(StatefulRedisClusterConnection<byte[], byte[]> connection) implements CommandSource {

        @Override
        public RedisClusterAsyncCommands<byte[], byte[]> commands() {
            return connection.async();
        }

        @Override
        public String nodeOf(byte[] key) {
            return RedisClusterNodes.nodeOf(connection.getPartitions(), SlotHash.getSlot(key));
        }
    }

    /** Returns the address of the node of a cluster that keeps the key; one part without a cluster. */
    @Override
    public String partition(Policy policy, String key) {
        return cluster ? source.nodeOf(policies.of(policy).keyName(key)) : WHOLE_STORE;
    }

    /** Returns the slots. The holders of a key are in a key of the same name with the suffix {@code c}. */
    @Override
    public ConcurrencyBackend concurrency() {
        return concurrency;
    }

    /** Returns the text of the key {@code namespace::name}, which does not expire. */
    @Override
    public SharedRecord sharedRecord(String name) {
        return new RedisRecord(source, namespace, name);
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, permits);
        dispatcher.sendShared(request);
        return request;
    }

    @Override
    public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
        EncodedPolicy encoded = policies.of(policy);
        if (permits.isEmpty() || permits.size() > MAX_BATCH / encoded.weight) {
            return RateLimitBackend.super.acquireBatch(policy, key, permits);
        }
        List<PendingDecision> batch = permits.stream()
                .map(cost -> new PendingDecision(encoded, key, cost))
                .toList();
        return call('e', List.of(batch));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
        List<List<PendingDecision>> pending = requests.stream()
                .map(request ->
                        List.of(new PendingDecision(policies.of(request.policy()), request.key(), request.permits())))
                .toList();
        boolean severalSlots = cluster
                && pending.stream()
                                .map(key -> dispatcher.hashSlot(key.get(0)))
                                .distinct()
                                .count()
                        > 1;
        return severalSlots || requests.isEmpty() ? RateLimitBackend.super.acquireAll(requests) : call('a', pending);
    }

    private CompletionStage<List<Decision>> call(char operation, List<List<PendingDecision>> keys) {
        dispatcher.send(new ScriptCall(operation, keys));
        List<PendingDecision> requests = keys.stream().flatMap(List::stream).toList();
        return CompletableFuture.allOf(requests.toArray(CompletableFuture<?>[]::new))
                .thenApply(
                        done -> requests.stream().map(CompletableFuture::join).toList());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, permits);
        dispatcher.send(new ScriptCall('p', List.of(List.of(request))));
        return request;
    }

    @Override
    public CompletionStage<List<Limit.Usage>> usage(Policy policy, String key) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, 0);
        ScriptCall call = ScriptCall.usage(request);
        dispatcher.send(call);
        return request.thenApply(decision -> call.usage());
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits, long chargedAtMicros) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, permits);
        dispatcher.send(ScriptCall.refund(request, chargedAtMicros));
        return request.thenAccept(decision -> {});
    }

    @Override
    public CompletionStage<Decision> reserve(Policy policy, String key, UUID id, long permits, long ttlMicros) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, permits);
        dispatcher.send(ScriptCall.reserve(request, id, ttlMicros, policy.reservations()));
        return request;
    }

    @Override
    public CompletionStage<Settlement> settle(Policy policy, String key, Reservation.Receipt receipt, long actual) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, 0);
        ScriptCall call = ScriptCall.settle(request, receipt, actual, policy.reservations());
        dispatcher.send(call);
        return request.thenApply(after -> new Settlement(call.outcome(), after));
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        PendingDecision request = new PendingDecision(policies.of(policy), key, 0);
        dispatcher.send(ScriptCall.block(request, micros));
        return request.thenAccept(decision -> {});
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return Futures.call(
                () -> source.commands().del(policies.of(policy).keyName(key)).thenAccept(deleted -> {}));
    }

    @Override
    public void together(Runnable calls) {
        dispatcher.together(calls);
    }

    @Override
    public void collectStats(LimiterStats.Collector stats) {
        stats.coalescing(dispatcher.stats());
    }

    /** Closes the connection if {@link #connect} opened it. Idempotent. */
    @Override
    public void close() {
        onClose.run();
    }
}
