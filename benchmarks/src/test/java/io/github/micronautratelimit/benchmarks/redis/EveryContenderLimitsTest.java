package io.github.micronautratelimit.benchmarks.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.lettuce.core.RedisClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Starts a separate server and never uses a configured one, because the tests empty the database. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EveryContenderLimitsTest {

    private static final Duration A_MOMENT = Duration.ofMillis(30);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private List<Contender> contenders = List.of();
    private Server server;

    @BeforeAll
    void givenAServer() {
        try {
            ServerProcess process = new ServerProcess();
            opened.add(process);
            RedisClient client = RedisClient.create(process.uri());
            opened.add(0, client::shutdown);
            server = new Server(client);
            opened.add(0, server);
            contenders = RedisComparison.contenders(client, process.uri());
            opened.addAll(0, contenders);
        } catch (IOException e) {
            String missing = "redis-server is missing on the path: the Redis benchmarks are NOT TESTED.";
            System.err.println(missing);
            Assumptions.abort(missing);
        }
    }

    @BeforeEach
    void givenNoKeys() {
        server.empty();
    }

    @AfterAll
    void closed() throws Exception {
        for (AutoCloseable each : opened) {
            each.close();
        }
    }

    private Stream<DynamicTest> each(Check check) {
        return contenders.stream()
                .map(contender -> DynamicTest.dynamicTest(contender.name(), () -> {
                    server.empty();
                    try {
                        check.of(contender);
                    } finally {
                        contender.rest();
                    }
                }));
    }

    private interface Check {

        void of(Contender contender) throws Exception;
    }

    private static boolean acquire(Contender contender, String key) throws Exception {
        return contender.acquire(key).toCompletableFuture().get(10, TimeUnit.SECONDS);
    }

    @TestFactory
    Stream<DynamicTest> deniedOutcomeGrantsOnePermitADay() {
        return each(contender -> {
            contender.limit(Outcome.DENIED, List.of("a", "b"));

            assertTrue(acquire(contender, "a"));
            assertEquals(List.of(false, false), List.of(acquire(contender, "a"), acquire(contender, "a")));
            assertTrue(acquire(contender, "b"));
        });
    }

    @TestFactory
    Stream<DynamicTest> allowedOutcomeGrantsEveryRequest() {
        return each(contender -> {
            contender.limit(Outcome.ALLOWED, List.of("a"));

            for (int i = 0; i < 100; i++) {
                assertTrue(acquire(contender, "a"));
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> loadFailsOnADecisionWithTheWrongOutcome() {
        Cell cell = new Cell(1, 2, Outcome.ALLOWED);
        return each(contender -> {
            contender.limit(Outcome.DENIED, cell.keys());
            Load load = new Load(contender, cell);
            load.visitAll();

            try {
                load.run(A_MOMENT);
            } catch (Exception e) {
                assertEquals(
                        contender.name() + " returned a decision other than allowed in " + cell + ".",
                        e.getCause().getMessage());
                return;
            }
            fail("The load accepted denials as grants.");
        });
    }

    @TestFactory
    Stream<DynamicTest> oneCallerSendsOneCommandPerDecisionOrTwoForCompareAndSet() {
        return each(contender -> {
            for (Outcome outcome : Outcome.values()) {
                Sample sample = Sample.of(contender, new Cell(3, 1, outcome), server, A_MOMENT);

                boolean compareAndSet = contender instanceof Bucket4jLimiter && outcome == Outcome.ALLOWED;
                boolean prefetched = contender instanceof Ours ours && ours.prefetches() && outcome == Outcome.ALLOWED;
                String message = contender.name() + ", " + outcome + ": " + sample;
                if (prefetched) {
                    // On a busy machine, each decision may need a call that prefetches and one that gives back.
                    assertTrue(sample.trips() > 0 && sample.trips() <= 2, message);
                } else {
                    assertEquals(compareAndSet ? 2 : 1, sample.trips(), message);
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> samplesOfManyCallersHaveAllFigures() {
        return each(contender -> {
            Sample sample = Sample.of(contender, new Cell(20, 8, Outcome.ALLOWED), server, A_MOMENT);

            assertTrue(
                    sample.perSecond() > 0
                            && sample.trips() > 0
                            && sample.commandMicros() > 0
                            && sample.clientCores() > 0
                            && sample.p50() > 0
                            && sample.p99() >= sample.p50(),
                    sample.toString());
        });
    }

    @Test
    void tablesHaveARowPerCellAndAColumnPerContender() {
        RedisTables tables = new RedisTables();
        Sample sample = new Sample(2000, 30, 40, 1, 5, 6, 0.7, 0.8, 0.9);
        for (Cell cell : RedisComparison.cells()) {
            contenders.forEach(contender -> tables.add(cell, contender.name(), sample));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();

        tables.print(new PrintStream(out, true, StandardCharsets.UTF_8));

        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertEquals(8, RedisComparison.cells().size());
        assertEquals("| allowed | 1 | 1" + " | 2.0 (2.0-2.0)".repeat(9) + " |", lines.get(4));
        assertEquals(
                5 * 8,
                lines.stream()
                        .filter(line -> line.matches("\\| (allowed|denied) .*"))
                        .count());
        assertTrue(lines.contains("| denied | 10000 | 64" + " | 1.00 (1.00-1.00)".repeat(5) + " |"));
        assertTrue(lines.contains("| denied | 10000 | 64" + " | 30 / 40".repeat(9) + " |"));
    }
}
