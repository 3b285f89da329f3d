package io.github.micronautratelimit.redis;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.redis.server.TcpProxy;
import io.github.micronautratelimit.redis.server.TcpProxy.Fate;
import io.github.micronautratelimit.tck.FaultyStore;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.sync.RedisCommands;

/**
 * A server of its own that is killed and stopped, and a network between it and the backend, which connects as in an
 * application. What the server has answered it knows after a crash.
 */
final class FaultyRedis implements FaultyStore {

    private final RedisProcess process = RedisProcess.start("appendonly yes", "appendfsync no");
    private final TcpProxy network = new TcpProxy(process.port());
    private final RedisClients clients = new RedisClients();
    private final RedisCommands<String, String> server = clients.server(process.uri());
    private final RedisConnection connection;
    private final RedisBackend backend;
    private final Duration deadline;
    private @Nullable Fault fault;

    FaultyRedis(Duration deadline) {
        this.deadline = deadline;
        RedisLocation location =
                new RedisLocation("redis.uri", List.of(RedisURI.create(network.uri())), false);
        connection = new RedisConnection(location, new ConnectionOptions(deadline, null), null,
                RedisBackend::load);
        connection.awaitFirstTry(Duration.ofSeconds(20));
        backend = new RedisBackend(connection, false, "fault");
        awaitAnswer();
    }

    @Override
    public RateLimitBackend backend() {
        return backend;
    }

    @Override
    public void inject(Fault injected) {
        fault = injected;
        switch (injected) {
            case REFUSED -> process.kill();
            case HUNG -> process.pause();
            case HALF_OPEN -> network.let(command -> Fate.DEAF);
            case SLOW -> network.delayReplies(deadline.multipliedBy(10));
            case REPLY_LOST -> network.let(command -> command.startsWith("EVAL") ? Fate.MUTE : Fate.PASS);
            case DELIVERED_TWICE -> network.let(command -> command.startsWith("EVAL") ? Fate.ARRIVE_TWICE : Fate.PASS);
            // Writes are refused: NOREPLICAS.
            case ERRORS -> server.configSet("min-replicas-to-write", "1");
        }
    }

    @Override
    public void heal() {
        if (fault == null) {
            return;
        }
        switch (fault) {
            case REFUSED -> process.restart();
            case HUNG -> process.resume();
            case ERRORS -> server.configSet("min-replicas-to-write", "0");
            case SLOW -> {
                network.delayReplies(Duration.ZERO);
                network.breakConnections();
            }
            // What is half-open stays so until the backend finds out.
            case HALF_OPEN, DELIVERED_TWICE -> network.let(command -> Fate.PASS);
            case REPLY_LOST -> {
                network.let(command -> Fate.PASS);
                network.breakConnections();
            }
        }
        fault = null;
        awaitAnswer();
    }

    /** As the server sees it, one for the test itself included. */
    @Override
    public int connections() {
        return server.clientList().lines().toList().size();
    }

    private void awaitAnswer() {
        Eventually.await("Redis answers", () -> {
            CompletableFuture<Boolean> answer = backend.peek(Policy.of("awaited", "1/s"), "key", 0).toCompletableFuture()
                    .handle((decision, failure) -> failure == null);
            return answer.join();
        });
    }

    @Override
    public void close() {
        connection.close();
        clients.close();
        network.close();
        process.close();
    }
}
