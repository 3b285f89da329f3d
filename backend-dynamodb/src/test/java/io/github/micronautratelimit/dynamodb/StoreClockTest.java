package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.tck.VirtualClock;

/** Machines whose clocks are wrong, and a store that tells the time in whole seconds. */
class StoreClockTest {

    private static final long MINUTES = 5 * 60_000_000L;
    private static final long START = 1_790_000_163_376_680L;

    /** The machine asks each 137 ms and waits 20 ms; the store's clock is ahead by so much. */
    private static StoreClock after(int answers, VirtualClock machine, long ahead) {
        StoreClock clock = new StoreClock(machine::micros);
        for (int i = 0; i < answers; i++) {
            long asked = clock.machineTime();
            machine.advance(10_000);
            Instant date = Instant.ofEpochSecond((machine.micros() + ahead) / 1_000_000);
            machine.advance(10_000);
            clock.answered(asked, date);
            machine.advance(117_000);
        }
        return clock;
    }

    @ParameterizedTest
    @ValueSource(longs = {-MINUTES, -3_000_000, 3_000_000, MINUTES})
    void aClockThatIsWrongIsCorrected(long ahead) {
        VirtualClock machine = new VirtualClock(START);
        StoreClock first = after(1, machine, ahead);
        assertTrue(Math.abs(first.micros() - machine.micros() - ahead) <= 520_000, "to half a second by one answer");
        StoreClock later = after(20, machine, ahead);
        assertTrue(Math.abs(later.micros() - machine.micros() - ahead) <= 100_000, "to a tenth by twenty");
    }

    @ParameterizedTest
    @ValueSource(longs = {-900_000, -20_000, 0, 20_000, 900_000})
    void aClockThatMayBeRightIsBelieved(long ahead) {
        VirtualClock machine = new VirtualClock(START);
        assertEquals(0, after(30, machine, ahead).micros() - machine.micros());
    }

    @Test
    void aClockThatWasSetIsLearntAnew() {
        VirtualClock machine = new VirtualClock(START);
        StoreClock clock = after(20, machine, 0);
        machine.advance(MINUTES);
        long asked = clock.machineTime();
        clock.answered(asked, Instant.ofEpochSecond((machine.micros() - MINUTES) / 1_000_000));
        assertTrue(Math.abs(clock.micros() - machine.micros() + MINUTES) <= 520_000);
        clock.forget();
        assertFalse(clock.isSet());
        assertEquals(machine.micros(), clock.micros());
    }

    /** One instance is 5 minutes ahead, one 5 behind: nobody gets more for it, and nobody waits longer. */
    @ParameterizedTest
    @ValueSource(strings = {"600/h burst 100", "100/h sliding", "100/day fixed"})
    void instancesWhoseClocksAreWrongNeitherGainNorHoldUpTheOthers(String limits) {
        Policy policy = Policy.of("clock", limits);
        String namespace = "clock-" + UUID.randomUUID();
        List<DynamoDbBackend> instances = new ArrayList<>();
        for (long off : new long[] {MINUTES, -MINUTES, 0}) {
            instances.add(new DynamoDbBackend(Table.Client.of(LocalDynamoDb.client(), Runnable::run), LocalDynamoDb.TABLE,
                    namespace, new StoreClock(() -> StoreClock.machineMicros() + off), () -> { }));
        }
        long began = System.nanoTime();
        long granted = 0;
        for (int i = 0; i < 150; i++) {
            granted += instances.get(i % 3).acquire(policy, "key", 1).toCompletableFuture().join().allowed() ? 1 : 0;
        }
        long dripped = limits.contains("burst") ? (System.nanoTime() - began) / 6_000_000_000L + 1 : 0;
        long all = granted;
        assertTrue(all >= 100 && all <= 100 + dripped, () -> "granted " + all + ", of which may have dripped " + dripped);
        Decision denied = instances.get(2).acquire(policy, "key", 100).toCompletableFuture().join();
        if (limits.contains("burst")) {
            long most = 600_000_000L + 1_500_000;
            assertTrue(denied.retryAfterMicros() <= most, () -> "wait " + denied.retryAfterMicros());
            long next = instances.get(2).acquire(policy, "key", 1).toCompletableFuture().join().retryAfterMicros();
            assertTrue(next <= 6_000_000 + 1_500_000, () -> "wait " + next);
        }
    }
}
