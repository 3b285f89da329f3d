package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.redis.server.RedisClients;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.KillArgs;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.output.StatusOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A server under load that loses its data, breaks connections, hangs or dies. */
@NeedsRedis(ofItsOwn = true)
class FaultTest {

    private static final int LIMIT = 20_000;
    /** The period is so long that no permit returns during a test. */
    private static final Policy POLICY = Policy.of("p", LIMIT + "/366day");

    private static final Duration TIMEOUT = Duration.ofMillis(500);
    /** A machine under load may notice a timeout this much later. */
    private static final Duration SLACK = Duration.ofSeconds(10);

    private final RedisClients patient = new RedisClients();
    private final RedisClients impatient = new RedisClients(TIMEOUT);
    private RedisProcess process;
    private RedisCommands<String, String> server;

    @BeforeEach
    void start() {
        start("appendonly no");
    }

    private void start(String setting) {
        if (process != null) {
            process.close();
        }
        process = RedisProcess.start(setting);
        server = patient.server(process.uri());
    }

    @AfterEach
    void stop() {
        patient.close();
        impatient.close();
        process.close();
    }

    private List<RedisBackend> backends(RedisClients clients) {
        return Stream.generate(() -> new RedisBackend(clients.connect(process.uri()), "rl"))
                .limit(4)
                .toList();
    }

    private long remaining() {
        return new RedisBackend(patient.connect(process.uri()), "rl")
                .peek(POLICY, "key", 0)
                .toCompletableFuture()
                .join()
                .remaining();
    }

    /** Asserts that no more than the limit was granted, and less only by permits of calls without a reply. */
    private static void assertExactAfter(int breaks, Load load) {
        assertTrue(
                load.granted() <= LIMIT && load.granted() >= LIMIT - load.chargedWithoutGrant(breaks), load::toString);
    }

    @Test
    void flushedScriptCostsNoPermits() {
        try (Load load = Load.on(POLICY, "key", backends(patient))) {
            for (int i = 0; i < 5; i++) {
                load.awaitDecided(200);
                server.scriptFlush();
            }
            load.awaitDenied(100).end();
            assertEquals(LIMIT, load.granted());
            assertEquals(0, load.failed());
        }
    }

    @Test
    void deletedKeysAreGrantedTheLimitOnceMore() {
        try (Load load = Load.on(POLICY, "key", backends(patient))) {
            load.awaitGranted(LIMIT / 2);
            server.flushall();
            load.awaitDenied(100);
            server.flushall();
            load.awaitDenied(100).end();
            assertEquals(0, load.failed());
            assertTrue(load.granted() >= 2 * LIMIT + LIMIT / 2 && load.granted() <= 3 * LIMIT, load::toString);
        }
    }

    /** The client sends commands in flight again on the next connection, so they may count twice. */
    @Test
    void brokenConnectionsCostAtMostThePermitsInFlight() {
        int kills = 5;
        try (Load load = Load.on(POLICY, "key", backends(patient))) {
            for (int i = 0; i < kills; i++) {
                load.awaitDecided(200);
                server.clientKill(KillArgs.Builder.skipme());
            }
            load.awaitDenied(100).end();
            assertExactAfter(kills, load);
        }
    }

    @Test
    void busyServerFailsCallsInTime() {
        List<RedisBackend> backends = backends(impatient);
        try (Load load = Load.on(POLICY, "key", backends)) {
            load.awaitGranted(100);
            patient.client(process.uri())
                    .connect()
                    .async()
                    .dispatch(
                            CommandType.DEBUG,
                            new StatusOutput<>(StringCodec.UTF8),
                            new CommandArgs<>(StringCodec.UTF8).add("SLEEP").add(2));
            load.awaitFailed(1).awaitDenied(100).end();
            assertTrue(load.slowest().compareTo(TIMEOUT.plus(SLACK)) < 0, () -> "took " + load.slowest());
            assertExactAfter(0, load);
            assertEquals(0, remaining());
        }
    }

    @Test
    void hangingServerFailsCallsInTimeAndStaysExact() {
        try (Load load = Load.on(POLICY, "key", backends(impatient))) {
            load.awaitGranted(100);
            process.pause();
            load.awaitFailed(2L * Load.callers());
            process.resume();
            load.awaitDenied(100).end();
            assertTrue(load.slowest().compareTo(TIMEOUT.plus(SLACK)) < 0, () -> "took " + load.slowest());
            assertExactAfter(0, load);
            assertEquals(0, remaining());
        }
        try (Load load = Load.on(POLICY, "another", backends(patient))) {
            load.awaitDenied(100).end();
            assertEquals(LIMIT, load.granted());
            assertEquals(0, load.failed());
        }
    }

    @Test
    void serverWithAppendFileLosesNothingInACrash() {
        start("appendonly yes\nappendfsync always");
        try (Load load = Load.on(POLICY, "key", backends(patient))) {
            load.awaitGranted(100);
            process.kill();
            load.awaitFailed(Load.callers());
            process.restart();
            load.awaitDenied(100).end();
            assertExactAfter(1, load);
        }
    }

    @Test
    void serverWithoutPersistenceGrantsTheLimitOnceMoreAfterACrash() {
        try (Load load = Load.on(POLICY, "key", backends(patient))) {
            load.awaitGranted(100);
            process.kill();
            load.awaitFailed(Load.callers());
            process.restart();
            load.awaitDenied(100).end();
            assertTrue(load.granted() >= LIMIT && load.granted() <= 2 * LIMIT, load::toString);
        }
    }
}
