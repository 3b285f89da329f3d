package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wrong clocks of machines, clocks that are set, and a store whose time has whole seconds. */
class DynamoDbClockTest {

    private static final long MINUTES = 5 * 60_000_000L;
    private static final long HOUR = 3_600_000_000L;
    private static final long START = 1_790_000_163_376_680L;
    /** The most that a corrected clock may be off. */
    private static final long CORRECTED = 1_500_000;

    /** A machine whose clock a test sets, while its monotonic clock goes on. */
    private static final class Machine {

        private final VirtualClock monotonic = new VirtualClock(START);
        private final AtomicLong set = new AtomicLong();
        private final DynamoDbClock clock =
                new DynamoDbClock(() -> monotonic.micros() + set.get(), () -> monotonic.micros() * 1_000);

        private Instant storeTime(long ahead) {
            return Instant.ofEpochSecond((monotonic.micros() + ahead) / 1_000_000);
        }

        /** Receives responses to requests every 137 ms that take 20 ms each, if the clock of the store is ahead. */
        private void receive(int responses, long ahead) {
            for (int i = 0; i < responses; i++) {
                DynamoDbClock.Reading sent = clock.read();
                monotonic.advance(10_000);
                Instant date = storeTime(ahead);
                monotonic.advance(10_000);
                clock.answered(sent, date);
                monotonic.advance(117_000);
            }
        }

        private boolean knowsTheTime() {
            return clock.knows(clock.read());
        }

        /** Returns how far the clock is off if the clock of the store is ahead. */
        private long error(long ahead) {
            return Math.abs(clock.micros() - monotonic.micros() - ahead);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {-MINUTES, -3_000_000, 3_000_000, MINUTES})
    void wrongClockIsCorrected(long ahead) {
        Machine machine = new Machine();
        machine.receive(1, ahead);
        assertTrue(machine.error(ahead) <= 520_000, "to half a second by one response");
        machine.receive(19, ahead);
        assertTrue(machine.error(ahead) <= 100_000, "to a tenth of a second by twenty responses");
    }

    @ParameterizedTest
    @ValueSource(longs = {-900_000, -20_000, 0, 20_000, 900_000})
    void possiblyCorrectClockIsNotCorrected(long ahead) {
        Machine machine = new Machine();
        machine.receive(30, ahead);
        assertEquals(0, machine.clock.micros() - machine.monotonic.micros());
    }

    @Test
    void timeIsUnknownBeforeTheFirstResponse() {
        Machine machine = new Machine();
        assertFalse(machine.knowsTheTime());
        machine.receive(1, 0);
        assertTrue(machine.knowsTheTime());
        machine.monotonic.advance(HOUR);
        assertTrue(machine.knowsTheTime(), "an idle hour is no step");
        machine.clock.forget();
        assertFalse(machine.knowsTheTime());
        assertEquals(machine.monotonic.micros(), machine.clock.micros());
    }

    @ParameterizedTest
    @ValueSource(longs = {-HOUR, -MINUTES, -2_000_000, 2_000_000, MINUTES, HOUR})
    void timeIsUnknownAfterTheClockWasSetUntilTheNextResponse(long step) {
        Machine machine = new Machine();
        machine.receive(20, 0);
        machine.set.addAndGet(step);
        assertFalse(machine.knowsTheTime());
        machine.receive(1, 0);
        assertTrue(machine.knowsTheTime());
        assertTrue(machine.error(0) <= 1_000_000, () -> "off by " + machine.error(0));
        machine.receive(20, 0);
        assertTrue(machine.error(0) <= 1_000_000);
    }

    /** A clock that was wrong and corrected becomes right by itself. */
    @ParameterizedTest
    @ValueSource(longs = {-HOUR, -MINUTES, MINUTES, HOUR})
    void repairedClockIsNotCorrectedAnyMore(long ahead) {
        Machine machine = new Machine();
        machine.receive(20, ahead);
        machine.set.addAndGet(ahead);
        assertFalse(machine.knowsTheTime());
        machine.receive(1, ahead);
        assertEquals(machine.monotonic.micros() + machine.set.get(), machine.clock.micros());
    }

    /** A response to a request from before the step would not narrow anything. */
    @ParameterizedTest
    @ValueSource(longs = {-MINUTES, MINUTES})
    void responseOfACallDuringWhichTheClockWasSetIsIgnored(long step) {
        Machine machine = new Machine();
        machine.receive(20, 0);
        DynamoDbClock.Reading sent = machine.clock.read();
        machine.set.addAndGet(step);
        machine.clock.answered(sent, machine.storeTime(0));
        machine.clock.answered(sent, null);
        assertFalse(machine.knowsTheTime());
        machine.receive(1, 0);
        assertTrue(machine.error(0) <= 1_000_000);
    }

    /** The monotonic clock stands still in a frozen function. */
    @Test
    void timeIsUnknownAfterAFreeze() {
        Machine machine = new Machine();
        machine.receive(20, 0);
        machine.set.addAndGet(10 * MINUTES);
        assertFalse(machine.knowsTheTime());
        machine.receive(1, 10 * MINUTES);
        assertEquals(machine.monotonic.micros() + 10 * MINUTES, machine.clock.micros());
    }

    @Test
    void stepOfASecondIsTolerated() {
        Machine machine = new Machine();
        machine.receive(1, 0);
        machine.set.addAndGet(900_000);
        assertTrue(machine.knowsTheTime());
        machine.set.addAndGet(900_000);
        assertFalse(machine.knowsTheTime(), "two steps without a response between them add up");
    }

    /** One instance on DynamoDB Local, whose real clock a test sets. */
    private static final class Instance {

        private final AtomicLong set = new AtomicLong();
        private final DynamoDbBackend backend;

        Instance(String namespace) {
            backend = new DynamoDbBackend(
                    LocalDynamoDb.asyncClient(),
                    LocalDynamoDb.TABLE,
                    namespace,
                    new DynamoDbClock(() -> DynamoDbClock.machineMicros() + set.get(), System::nanoTime),
                    () -> {});
        }

        Decision acquire(Policy policy, String key) {
            return backend.acquire(policy, key, 1).toCompletableFuture().join();
        }
    }

    private static final String TEN_A_DAY_FIXED = "10/365day fixed";

    /** The limit is granted once, and no caller waits for longer than without the step. */
    @ParameterizedTest
    @CsvSource({
        "10/h, 300",
        "10/h, 3600",
        "10/h, -3600",
        "10/h sliding, 300",
        "10/h sliding, 7200",
        "10/h sliding, -300",
        TEN_A_DAY_FIXED + ", 31536000",
        "10/h; 100/day sliding, 5400"
    })
    void clockThatIsSetNeitherGrantsThePermitsAgainNorLocksTheKey(String limits, long seconds) {
        Policy policy = Policy.of("step", limits);
        String namespace = "step-" + UUID.randomUUID();
        Instance first = new Instance(namespace);
        Instance second = new Instance(namespace);
        for (int i = 0; i < 10; i++) {
            assertTrue((i % 2 == 0 ? first : second).acquire(policy, "key").allowed());
        }
        long before = second.acquire(policy, "key").retryAfterMicros();
        first.set.addAndGet(seconds * 1_000_000);
        for (int i = 0; i < 3; i++) {
            Decision stepped = first.acquire(policy, "key");
            assertFalse(stepped.allowed());
            assertTrue(stepped.retryAfterMicros() <= before + CORRECTED, () -> "wait " + stepped.retryAfterMicros());
            Decision other = second.acquire(policy, "key");
            assertFalse(other.allowed());
            assertTrue(other.retryAfterMicros() <= before + CORRECTED, () -> "wait " + other.retryAfterMicros());
        }
        for (int i = 0; i < 10; i++) {
            assertTrue(first.acquire(policy, "new").allowed(), "the machine still grants");
        }
        assertFalse(second.acquire(policy, "new").allowed());
    }

    /** The clock of a machine is wrong, is corrected, and then set right, while 40 keys are decided. */
    @ParameterizedTest
    @ValueSource(longs = {-MINUTES, MINUTES})
    void repairOfACorrectedClockGrantsNothing(long off) {
        Policy policy = Policy.of("repair", "10/h");
        String namespace = "repair-" + UUID.randomUUID();
        Instance wrong = new Instance(namespace);
        Instance right = new Instance(namespace);
        wrong.set.set(off);
        for (int key = 0; key < 5; key++) {
            for (int i = 0; i < 10; i++) {
                assertTrue((i % 2 == 0 ? wrong : right)
                        .acquire(policy, "key" + key)
                        .allowed());
            }
        }
        wrong.set.set(0);
        for (int key = 0; key < 5; key++) {
            assertFalse(wrong.acquire(policy, "key" + key).allowed());
            Decision denied = right.acquire(policy, "key" + key);
            assertFalse(denied.allowed());
            assertTrue(denied.retryAfterMicros() <= 360_000_000 + CORRECTED);
        }
    }

    /** Calls that are under way when the clock is set keep the time at which they began. */
    @Test
    void clockThatIsSetDuringCallsGrantsNothing() {
        Policy policy = Policy.of("during", "10/h");
        String namespace = "during-" + UUID.randomUUID();
        AtomicLong set = new AtomicLong();
        AtomicLong requests = new AtomicLong();
        DynamoDbBackend backend = new DynamoDbBackend(
                new InterceptedClient(LocalDynamoDb.client()) {
                    @Override
                    <T> CompletableFuture<T> call(Supplier<T> request) {
                        if (requests.incrementAndGet() % 4 == 3) {
                            set.addAndGet(MINUTES);
                        }
                        return super.call(request);
                    }
                },
                LocalDynamoDb.TABLE,
                namespace,
                new DynamoDbClock(() -> DynamoDbClock.machineMicros() + set.get(), System::nanoTime),
                () -> {});
        int granted = 0;
        for (int i = 0; i < 40; i++) {
            granted += backend.acquire(policy, "key", 1)
                            .toCompletableFuture()
                            .join()
                            .allowed()
                    ? 1
                    : 0;
        }
        assertEquals(10, granted);
        Decision denied = new Instance(namespace).acquire(policy, "key");
        assertTrue(denied.retryAfterMicros() <= 360_000_000 + CORRECTED, () -> "wait " + denied.retryAfterMicros());
    }

    /** One instance is 5 minutes ahead, one 5 minutes behind: no caller gets more permits or waits longer. */
    @ParameterizedTest
    @ValueSource(strings = {"600/h burst 100", "100/h sliding", "100/365day fixed"})
    void wrongClocksNeitherAddPermitsNorDelayOthers(String limits) {
        Policy policy = Policy.of("clock", limits);
        String namespace = "clock-" + UUID.randomUUID();
        List<Instance> instances = new ArrayList<>();
        for (long off : new long[] {MINUTES, -MINUTES, 0}) {
            Instance instance = new Instance(namespace);
            instance.set.set(off);
            instances.add(instance);
        }
        long began = System.nanoTime();
        long granted = 0;
        for (int i = 0; i < 150; i++) {
            granted += instances.get(i % 3).acquire(policy, "key").allowed() ? 1 : 0;
        }
        long refilled = limits.contains("burst") ? (System.nanoTime() - began) / 6_000_000_000L + 1 : 0;
        long all = granted;
        assertTrue(
                all >= 100 && all <= 100 + refilled,
                () -> "granted " + all + ", of which at most " + refilled + " were refilled");
        DynamoDbBackend right = instances.get(2).backend;
        Decision denied =
                right.acquire(policy, "key", 100).toCompletableFuture().join();
        if (limits.contains("burst")) {
            long most = 600_000_000L + CORRECTED;
            assertTrue(denied.retryAfterMicros() <= most, () -> "wait " + denied.retryAfterMicros());
            long next =
                    right.acquire(policy, "key", 1).toCompletableFuture().join().retryAfterMicros();
            assertTrue(next <= 6_000_000 + CORRECTED, () -> "wait " + next);
        }
    }
}
