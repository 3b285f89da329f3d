package io.github.micronautratelimit.redis;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;

/**
 * Keeps every key's state in Redis.
 *
 * <p>A decision is one script call, whatever the number of limits and policies, and one atomic step; the server's clock
 * decides. Callers who ask while the client is busy share calls, each being decided on its own; a caller who comes alone
 * has its call sent at once. A key in Redis is <code>namespace:policy:{hash}</code>, a string that expires by itself when
 * every permit is free again; the hash is {@link KeyHash#brief} of the key, so no identity can be read from it. Of a
 * policy's name that is longer than nine characters, or has a tilde, the last three are written, a tilde, and the first
 * five of its own {@link KeyHash#brief}: a token bucket's key and state then take 120 bytes at most, as long as the
 * namespace has nine characters or fewer. All that is written is what was granted, given back, blocked or reset.
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
 * A command whose answer is lost may have been carried out: it costs at most its own permits, and fails with a
 * {@link java.util.concurrent.TimeoutException}.
 */
public final class RedisBackend implements RateLimitBackend {

    /** Longer lists are asked one by one, lest one call keep the server from everybody else. */
    private static final int MOST_AT_ONCE = 1024;
    private static final Script DECIDE = Script.of("decide.lua");

    private final Link link;
    private final boolean cluster;
    private final Dispatcher dispatcher;
    private final Terms.Known terms;
    private final RedisLeases leases;

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

    /** On a link that need not be up. */
    RedisBackend(Link link, boolean cluster, String namespace) {
        this(link, cluster, namespace, null);
    }

    private RedisBackend(Link link, boolean cluster, String namespace,
                         @Nullable MicroClock clock) {
        this.link = link;
        this.cluster = cluster;
        this.dispatcher = new Dispatcher(DECIDE, link, cluster, clock);
        this.terms = new Terms.Known(namespace);
        this.leases = new RedisLeases(link, terms, clock);
    }

    /** Tells a server, or each master of a cluster, the scripts, so that the first decision need not. */
    static CompletionStage<Void> load(StatefulConnection<byte[], byte[]> connection) {
        return DECIDE.load(connection).thenCombine(RedisLeases.LEASE.load(connection), (done, too) -> done);
    }

    /** Who holds a place under a concurrency limit is in a key of the same name and a {@code c}, which expires likewise. */
    @Override
    public LeaseBackend leases() {
        return leases;
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        Request request = new Request(terms.of(policy), key, permits);
        dispatcher.share(request);
        return request;
    }

    @Override
    public CompletionStage<List<Decision>> acquireEach(Policy policy, String key, List<Long> permits) {
        if (permits.isEmpty() || permits.size() > MOST_AT_ONCE) {
            return RateLimitBackend.super.acquireEach(policy, key, permits);
        }
        Terms known = terms.of(policy);
        List<Request> requests = permits.stream().map(cost -> new Request(known, key, cost)).toList();
        return call('e', List.of(requests));
    }

    @Override
    public CompletionStage<List<Decision>> acquireAll(List<Ask> asks) {
        List<List<Request>> requests = asks.stream()
                .map(ask -> List.of(new Request(terms.of(ask.policy()), ask.key(), ask.permits()))).toList();
        boolean apart = cluster && requests.stream().map(of -> dispatcher.slot(of.get(0))).distinct().count() > 1;
        return apart || requests.isEmpty() ? RateLimitBackend.super.acquireAll(asks) : call('a', requests);
    }

    private CompletionStage<List<Decision>> call(char operation, List<List<Request>> keys) {
        dispatcher.send(new Call(operation, keys));
        List<Request> requests = keys.stream().flatMap(List::stream).toList();
        return CompletableFuture.allOf(requests.toArray(CompletableFuture<?>[]::new))
                .thenApply(done -> requests.stream().map(CompletableFuture::join).toList());
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key, long permits) {
        return call('p', policy, key, permits);
    }

    @Override
    public CompletionStage<Void> refund(Policy policy, String key, long permits) {
        return call('r', policy, key, permits).thenApply(done -> null);
    }

    @Override
    public CompletionStage<Void> block(Policy policy, String key, long micros) {
        Request request = new Request(terms.of(policy), key, 0);
        dispatcher.send(Call.block(request, micros));
        return request.thenApply(done -> null);
    }

    private Request call(char operation, Policy policy, String key, long permits) {
        Request request = new Request(terms.of(policy), key, permits);
        dispatcher.send(new Call(operation, List.of(List.of(request))));
        return request;
    }

    @Override
    public LimiterStats.Sharing sharing() {
        return dispatcher.sharing();
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        try {
            return link.commands().del(terms.of(policy).name(key)).thenApply(done -> null);
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }
}
