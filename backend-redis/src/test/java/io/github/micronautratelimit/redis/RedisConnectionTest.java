package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.RedisConnectionException;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.api.sync.RedisCommands;

/** A server that is not there, not there yet, gone, hanging or locked. */
@NeedsRedis(ofItsOwn = true)
class RedisConnectionTest {

    private static final Policy POLICY = Policy.of("p", "10/day");
    private static final Duration PATIENT = Duration.ofSeconds(20);

    private static RedisConnection connect(String uri, Duration deadline) {
        return new RedisConnection(new RedisLocation("redis.uri", List.of(RedisURI.create(uri)), false),
                new ConnectionOptions(deadline, null), null, RedisBackend::load);
    }

    private static CompletableFuture<Decision> acquire(RedisConnection connection) {
        return new RedisBackend(connection, false, "test").acquire(POLICY, "key", 1).toCompletableFuture();
    }

    private static Throwable failure(CompletableFuture<?> call) {
        return assertThrows(CompletionException.class, call::join).getCause();
    }

    @Test
    void aServerThatIsNotThereYetIsConnectedOnceItIs() {
        try (LogLines log = new LogLines(); RedisProcess server = RedisProcess.absent();
             RedisConnection connection = connect(server.uri(), PATIENT)) {
            connection.awaitFirstTry(PATIENT);
            CompletableFuture<Decision> call = acquire(connection);
            assertTrue(call.isCompletedExceptionally());
            assertInstanceOf(RedisConnectionException.class, failure(call));
            Eventually.await("a second try is made", () -> log.ofConnection().size() == 1);

            server.restart();
            Eventually.await("the server is connected", () -> isConnected(connection));
            assertEquals(9, acquire(connection).join().remaining());

            String where = "Redis at 127.0.0.1:" + server.port() + " (redis.uri)";
            assertEquals(List.of(
                    "WARN " + where + " cannot be reached: Connection refused. "
                            + "It is tried again; until then, the on-error of each policy decides.",
                    "INFO " + where + " is connected."), log.ofConnection());
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
    void whileTheServerIsGoneCallsFailAtOnceAndWorkAgainAfterwards() {
        try (RedisProcess server = RedisProcess.start();
             RedisConnection connection = connect(server.uri(), PATIENT)) {
            connection.awaitFirstTry(PATIENT);
            assertEquals(9, acquire(connection).join().remaining());
            server.kill();
            Eventually.await("the loss is seen", () -> acquire(connection).isCompletedExceptionally());
            Throwable rejected = failure(acquire(connection));
            assertInstanceOf(RedisException.class, rejected, "which says that nothing was sent");
            server.restart();
            Eventually.await("the server is connected again", () -> !acquire(connection).handle((decision, failure) ->
                    failure != null).join());
        }
    }

    @Test
    void whatWasOnItsWayWhenTheServerDiedFailsAtOnce() {
        try (RedisProcess server = RedisProcess.start();
             RedisConnection connection = connect(server.uri(), PATIENT)) {
            connection.awaitFirstTry(PATIENT);
            server.pause();
            CompletableFuture<Decision> call = acquire(connection);
            server.kill();
            Throwable failure = failure(call);
            assertInstanceOf(TimeoutException.class, failure, "the server may have carried it out");
            assertFalse(failure.getCause() instanceof RedisCommandTimeoutException);
            server.restart();
            Eventually.await("the server is connected again", () -> !acquire(connection).isCompletedExceptionally());
        }
    }

    @Test
    void aServerThatHangsHoldsNoCallForLong() {
        try (RedisProcess server = RedisProcess.start();
             RedisConnection connection = connect(server.uri(), Duration.ofMillis(50))) {
            connection.awaitFirstTry(PATIENT);
            server.pause();
            assertInstanceOf(RedisCommandTimeoutException.class, failure(acquire(connection)).getCause());
            server.resume();
            Eventually.await("answers come again", () -> acquire(connection).handle((decision, failure) ->
                    failure == null).join());
        }
    }

    @Test
    void aServerThatHasVanishedIsConnectedToAnew() {
        try (RedisProcess server = RedisProcess.start();
             RedisConnection connection = connect(server.uri(), Duration.ofMillis(50))) {
            connection.awaitFirstTry(PATIENT);
            server.pause();
            Eventually.await("the connection is given up", () -> {
                acquire(connection).handle((decision, failure) -> failure).join();
                return !isConnected(connection);
            });
            server.resume();
            Eventually.await("answers come again", () -> acquire(connection).handle((decision, failure) ->
                    failure == null).join());
        }
    }

    @Test
    void aMasterThatHasBecomeAReplicaIsConnectedToAnew() {
        try (RedisProcess server = RedisProcess.start();
             RedisClient client = RedisClient.create(server.uri());
             RedisConnection connection = connect(server.uri(), PATIENT)) {
            connection.awaitFirstTry(PATIENT);
            assertEquals(9, acquire(connection).join().remaining());
            RedisCommands<String, String> other = client.connect().sync();
            Set<String> before = clients(other);
            other.replicaof("127.0.0.1", 1);
            assertInstanceOf(RedisCommandExecutionException.class, failure(acquire(connection)));
            Eventually.await("another connection is there", () -> isConnected(connection)
                    && !before.containsAll(clients(other)));
            other.replicaofNoOne();
            Eventually.await("answers come again", () -> acquire(connection).handle((decision, failure) ->
                    failure == null).join());
        }
    }

    private static Set<String> clients(RedisCommands<String, String> server) {
        return server.clientList().lines().map(line -> line.replaceAll(" .*", "")).collect(Collectors.toSet());
    }

    @Test
    void aWrongPasswordIsAnErrorThatNamesTheSettingAndNotThePassword() {
        try (LogLines log = new LogLines(); RedisProcess server = RedisProcess.start("requirepass sesame");
             RedisConnection wrong = connect("redis://:secret-word@127.0.0.1:" + server.port(), PATIENT);
             RedisConnection none = connect(server.uri(), PATIENT)) {
            wrong.awaitFirstTry(PATIENT);
            none.awaitFirstTry(PATIENT);
            assertFalse(isConnected(wrong));
            List<String> lines = log.ofConnection();
            assertEquals(2, lines.size(), () -> "" + lines);
            String start = "ERROR Redis at 127.0.0.1:" + server.port()
                    + " (redis.uri) does not accept the user and password of redis.uri: ";
            assertTrue(lines.stream().allMatch(line -> line.startsWith(start)), () -> "" + lines);
            assertTrue(lines.stream().anyMatch(line -> line.contains("WRONGPASS")), () -> "" + lines);
            assertTrue(lines.stream().anyMatch(line -> line.contains("NOAUTH")), () -> "" + lines);
            assertTrue(log.lines().stream().noneMatch(line -> line.contains("secret-word")), () -> "" + log.lines());
            RedisConnectionException refused = assertThrows(RedisConnectionException.class, wrong::commands);
            assertFalse(refused.getMessage().contains("secret-word"));
        }
    }

    @Test
    void aClusterWithAnotherPasswordIsAnErrorOfTheSameKind() {
        try (LogLines log = new LogLines();
             RedisProcess node = RedisProcess.start("cluster-enabled yes", "requirepass sesame");
             RedisConnection connection = new RedisConnection(new RedisLocation("redis.uris",
                     List.of(RedisURI.create("redis://:secret-word@127.0.0.1:" + node.port())), true),
                     new ConnectionOptions(PATIENT, null), null, RedisBackend::load)) {
            connection.awaitFirstTry(PATIENT);
            assertEquals("ERROR The Redis cluster at 127.0.0.1:" + node.port() + " (redis.uris) does not accept the user "
                    + "and password of redis.uris: WRONGPASS invalid username-password pair or user is disabled. It is "
                    + "tried again; until then, the on-error of each policy decides.", log.ofConnection().get(0));
            assertTrue(log.lines().stream().noneMatch(line -> line.contains("secret-word")), () -> "" + log.lines());
        }
    }

    @Test
    void aServerThatDoesNotGreetDoesNotDelayTheStart() {
        try (RedisProcess server = RedisProcess.start()) {
            server.pause();
            try (RedisConnection connection = connect(server.uri(), PATIENT)) {
                long start = System.nanoTime();
                connection.awaitFirstTry(Duration.ofMillis(200));
                assertTrue(System.nanoTime() - start < Duration.ofSeconds(4).toNanos());
                assertTrue(acquire(connection).isCompletedExceptionally());
                server.resume();
                Eventually.await("the server is connected", () -> isConnected(connection));
            }
        }
    }

    @Test
    void closingLeavesNoThreadBehind() {
        Set<Thread> before = threads();
        try (RedisProcess absent = RedisProcess.absent(); RedisProcess frozen = RedisProcess.start()) {
            frozen.pause();
            RedisConnection trying = connect(absent.uri(), PATIENT);
            RedisConnection waiting = connect(frozen.uri(), PATIENT);
            RedisConnection connected = connect(RedisServer.uri(), PATIENT);
            connected.awaitFirstTry(PATIENT);
            assertTrue(acquire(connected).join().allowed());
            for (RedisConnection connection : List.of(trying, waiting, connected)) {
                connection.close();
                connection.close();
            }
            assertInstanceOf(RedisConnectionException.class, failure(acquire(connected)));
        }
        Eventually.await("only the threads there were before are left", () -> before.containsAll(threads()));
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.isAlive() && thread.getName().startsWith("lettuce"))
                .collect(Collectors.toSet());
    }
}
