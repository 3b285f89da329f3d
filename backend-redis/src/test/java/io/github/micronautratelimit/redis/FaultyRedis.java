package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.github.micronautratelimit.redis.server.TcpProxy;
import io.github.micronautratelimit.redis.server.TcpProxy.Fate;
import io.github.micronautratelimit.tck.FaultyStore;
import io.lettuce.core.api.sync.RedisCommands;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * A server that is killed and paused, and a network between it and the backend, which connects as in an application.
 * The server does not lose replied commands in a crash.
 */
final class FaultyRedis implements FaultyStore {

    private final RedisProcess process = RedisProcess.start("appendonly yes", "appendfsync no");
    private final TcpProxy network = new TcpProxy(process.port());
    private final RedisClients clients = new RedisClients();
    private final RedisCommands<String, String> server = clients.server(process.uri());
    private final RedisBackend backend;
    private final Duration deadline;
    private @Nullable Fault fault;

    FaultyRedis(Duration deadline) {
        this.deadline = deadline;
        RedisConnection connection = new RedisConnection(
                RedisConnectionSettings.parse("redis.uri", List.of(network.uri()), false)
                        .withOptions(deadline.multipliedBy(2), null),
                null,
                RedisBackend::loadScripts);
        connection.awaitFirstAttempt(Duration.ofSeconds(20));
        backend = new RedisBackend(connection, "fault");
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
                // The server rejects writes with NOREPLICAS.
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
                // The half-open connection stays until the backend replaces it.
            case HALF_OPEN, DELIVERED_TWICE -> network.let(command -> Fate.PASS);
            case REPLY_LOST -> {
                network.let(command -> Fate.PASS);
                network.breakConnections();
            }
        }
        fault = null;
        awaitAnswer();
    }

    /** Counts on the server, including the connection of the test. */
    @Override
    public int connections() {
        return server.clientList().lines().toList().size();
    }

    private void awaitAnswer() {
        Eventually.await("Redis replies", () -> {
            CompletableFuture<Boolean> answer = backend.peek(Policy.of("awaited", "1/s"), "key", 0)
                    .toCompletableFuture()
                    .handle((decision, failure) -> failure == null);
            return answer.join();
        });
    }

    @Override
    public void close() {
        backend.close();
        clients.close();
        network.close();
        process.close();
    }
}
