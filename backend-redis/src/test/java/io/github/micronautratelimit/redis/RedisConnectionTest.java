package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.api.sync.RedisCommands;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Connections to a server that is absent, dies, hangs or rejects the password. */
@NeedsRedis(ofItsOwn = true)
class RedisConnectionTest {

    private static final Policy POLICY = Policy.of("p", "10/day");
    private static final Duration LONG_TIMEOUT = Duration.ofSeconds(20);

    private static RedisConnection connect(String uri, Duration timeout) {
        return new RedisConnection(
                RedisConnectionSettings.parse("redis.uri", List.of(uri), false).withOptions(timeout, null),
                null,
                RedisBackend::loadScripts);
    }

    private static CompletableFuture<Decision> acquire(RedisConnection connection) {
        return new RedisBackend(connection, "test").acquire(POLICY, "key", 1).toCompletableFuture();
    }

    private static Throwable failure(CompletableFuture<?> call) {
        return assertThrows(CompletionException.class, call::join).getCause();
    }

    @Test
    void absentServerIsConnectedOnceItHasStarted() {
        try (LogLines log = new LogLines();
                RedisProcess server = RedisProcess.absent();
                RedisConnection connection = connect(server.uri(), LONG_TIMEOUT)) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            CompletableFuture<Decision> call = acquire(connection);
            assertTrue(call.isCompletedExceptionally());
            assertInstanceOf(RedisConnectionException.class, failure(call));
            Eventually.await(
                    "a second attempt is made", () -> log.ofConnection().size() == 1);

            server.restart();
            Eventually.await("the server is connected", () -> isConnected(connection));
            assertEquals(9, acquire(connection).join().remaining());

            String where = "Redis at 127.0.0.1:" + server.port() + " (redis.uri)";
            assertEquals(
                    List.of(
                            "WARN " + where + " cannot be reached: Connection refused. "
                                    + "The client retries in the background. Until it is connected, the on-error "
                                    + "of each policy decides.",
                            "INFO " + where + " is connected."),
                    log.ofConnection());
        }
    }

    private static boolean isConnected(RedisConnection connection) {
        try {
            connection.commands();
            return true;
        } catch (RedisException e) {
            return false;
        }
    }

    @Test
    void callsFailAtOnceWhileTheServerIsDownAndWorkAfterwards() {
        try (RedisProcess server = RedisProcess.start();
                RedisConnection connection = connect(server.uri(), LONG_TIMEOUT)) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            assertEquals(9, acquire(connection).join().remaining());
            server.kill();
            Eventually.await("the outage is noticed", () -> acquire(connection).isCompletedExceptionally());
            Throwable rejected = failure(acquire(connection));
            assertInstanceOf(RedisException.class, rejected, "nothing was sent");
            server.restart();
            Eventually.await("the server is connected again", () -> !acquire(connection)
                    .handle((decision, failure) -> failure != null)
                    .join());
        }
    }

    /** A server that dies before a call is written has certainly not executed it, so the test tries again. */
    @Test
    void callsInFlightFailAtOnceWhenTheServerDies() {
        try (RedisProcess server = RedisProcess.start();
                RedisConnection connection = connect(server.uri(), LONG_TIMEOUT)) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            Throwable failure = null;
            for (int attempt = 0; attempt < 10 && !(failure instanceof TimeoutException); attempt++) {
                server.pause();
                CompletableFuture<Decision> call = acquire(connection);
                server.kill();
                failure = failure(call);
                server.restart();
                Eventually.await("the server is connected again", () -> !acquire(connection)
                        .handle((decision, reason) -> reason != null)
                        .join());
            }
            assertInstanceOf(TimeoutException.class, failure, "the server may have executed the call");
            assertFalse(failure.getCause() instanceof RedisCommandTimeoutException);
        }
    }

    @Test
    void callsToAHangingServerTimeOut() {
        try (RedisProcess server = RedisProcess.start();
                RedisConnection connection = connect(server.uri(), Duration.ofMillis(100))) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            server.pause();
            assertInstanceOf(
                    RedisCommandTimeoutException.class,
                    failure(acquire(connection)).getCause());
            server.resume();
            Eventually.await("the server replies again", () -> acquire(connection)
                    .handle((decision, failure) -> failure == null)
                    .join());
        }
    }

    @Test
    void connectionIsReplacedIfTheServerIsSilent() {
        try (RedisProcess server = RedisProcess.start();
                RedisConnection connection = connect(server.uri(), Duration.ofMillis(100))) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            server.pause();
            Eventually.await("the connection is closed", () -> {
                acquire(connection).handle((decision, failure) -> failure).join();
                return !isConnected(connection);
            });
            server.resume();
            Eventually.await("the server replies again", () -> acquire(connection)
                    .handle((decision, failure) -> failure == null)
                    .join());
        }
    }

    @Test
    void connectionIsReplacedIfTheMasterHasBecomeAReplica() {
        try (LogLines log = new LogLines();
                RedisProcess server = RedisProcess.start();
                RedisClient client = RedisClient.create(server.uri());
                RedisConnection connection = connect(server.uri(), LONG_TIMEOUT)) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            assertEquals(9, acquire(connection).join().remaining());
            RedisCommands<String, String> other = client.connect().sync();
            Set<String> before = clients(other);
            other.replicaof("127.0.0.1", 1);
            assertInstanceOf(RedisCommandExecutionException.class, failure(acquire(connection)));
            Eventually.await(
                    "there is a new connection", () -> isConnected(connection) && !before.containsAll(clients(other)));
            for (int i = 0; i < 3; i++) {
                Set<String> present = clients(other);
                Eventually.await("there is another connection", () -> {
                    acquire(connection);
                    return !present.containsAll(clients(other));
                });
            }
            List<String> asReplica = log.ofConnection();
            assertEquals(2, asReplica.size(), () -> "connected, then a replica: " + asReplica);
            other.replicaofNoOne();
            Eventually.await("the server replies again", () -> acquire(connection)
                    .handle((decision, failure) -> failure == null)
                    .join());
            Eventually.await(
                    "the connection is logged", () -> log.ofConnection().size() == 3);
            assertTrue(log.ofConnection().get(2).endsWith(" is connected."), () -> "" + log.ofConnection());
        }
    }

    private static Set<String> clients(RedisCommands<String, String> server) {
        return server.clientList()
                .lines()
                .map(line -> line.replaceAll(" .*", ""))
                .collect(Collectors.toSet());
    }

    @Test
    void wrongPasswordIsLoggedWithThePropertyAndWithoutThePassword() {
        try (LogLines log = new LogLines();
                RedisProcess server = RedisProcess.start("requirepass sesame");
                RedisConnection wrong = connect("redis://:secret-word@127.0.0.1:" + server.port(), LONG_TIMEOUT);
                RedisConnection none = connect(server.uri(), LONG_TIMEOUT)) {
            wrong.awaitFirstAttempt(LONG_TIMEOUT);
            none.awaitFirstAttempt(LONG_TIMEOUT);
            assertFalse(isConnected(wrong));
            List<String> lines = log.ofConnection();
            assertEquals(2, lines.size(), () -> "" + lines);
            String start = "ERROR Redis at 127.0.0.1:" + server.port()
                    + " (redis.uri) rejected the user and password in redis.uri: ";
            assertTrue(lines.stream().allMatch(line -> line.startsWith(start)), () -> "" + lines);
            assertTrue(lines.stream().anyMatch(line -> line.contains("WRONGPASS")), () -> "" + lines);
            assertTrue(lines.stream().anyMatch(line -> line.contains("NOAUTH")), () -> "" + lines);
            assertTrue(log.lines().stream().noneMatch(line -> line.contains("secret-word")), () -> "" + log.lines());
            RedisConnectionException refused = assertThrows(RedisConnectionException.class, wrong::commands);
            assertFalse(refused.getMessage().contains("secret-word"));
        }
    }

    @Test
    void wrongPasswordOfAClusterIsLoggedInTheSameWay() {
        try (LogLines log = new LogLines();
                RedisProcess node = RedisProcess.start("cluster-enabled yes", "requirepass sesame");
                RedisConnection connection = new RedisConnection(
                        RedisConnectionSettings.parse(
                                        "redis.uris", List.of("redis://:secret-word@127.0.0.1:" + node.port()), true)
                                .withOptions(LONG_TIMEOUT, null),
                        null,
                        RedisBackend::loadScripts)) {
            connection.awaitFirstAttempt(LONG_TIMEOUT);
            assertEquals(
                    "ERROR The Redis cluster at 127.0.0.1:" + node.port() + " (redis.uris) rejected the user "
                            + "and password in redis.uris: WRONGPASS invalid username-password pair or user is "
                            + "disabled. Correct them; the client retries in the background. Until it is connected, "
                            + "the on-error of each policy decides.",
                    log.ofConnection().get(0));
            assertTrue(log.lines().stream().noneMatch(line -> line.contains("secret-word")), () -> "" + log.lines());
        }
    }

    @Test
    void serverWithoutAHandshakeDoesNotDelayTheStart() {
        try (RedisProcess server = RedisProcess.start()) {
            server.pause();
            try (RedisConnection connection = connect(server.uri(), LONG_TIMEOUT)) {
                long start = System.nanoTime();
                connection.awaitFirstAttempt(Duration.ofMillis(200));
                assertTrue(System.nanoTime() - start < Duration.ofSeconds(4).toNanos());
                assertTrue(acquire(connection).isCompletedExceptionally());
                server.resume();
                Eventually.await("the server is connected", () -> isConnected(connection));
            }
        }
    }

    @Test
    void closedConnectionLeavesNoThread() {
        Set<Thread> before = threads();
        try (RedisProcess absent = RedisProcess.absent();
                RedisProcess frozen = RedisProcess.start()) {
            frozen.pause();
            RedisConnection retrying = connect(absent.uri(), LONG_TIMEOUT);
            RedisConnection waiting = connect(frozen.uri(), LONG_TIMEOUT);
            RedisConnection connected = connect(RedisServer.uri(), LONG_TIMEOUT);
            connected.awaitFirstAttempt(LONG_TIMEOUT);
            assertTrue(acquire(connected).join().allowed());
            for (RedisConnection connection : List.of(retrying, waiting, connected)) {
                connection.close();
                connection.close();
            }
            assertInstanceOf(RedisConnectionException.class, failure(acquire(connected)));
        }
        Eventually.await("the threads of the client have ended", () -> before.containsAll(threads()));
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.isAlive() && thread.getName().startsWith("lettuce"))
                .collect(Collectors.toSet());
    }
}
