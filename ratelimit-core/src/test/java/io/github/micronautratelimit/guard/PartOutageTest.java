package io.github.micronautratelimit.guard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Outages of single parts of a store: a key {@code a:1} is on the part {@code a}, unless it has been moved. */
class PartOutageTest {

    private static final Policy LOCAL = Policy.of("local", "1000/day");

    private final AtomicLong micros = new AtomicLong(1_000_000_000_000_000L);
    private final Store store = new Store(new MemoryBackend(micros::get, 100_000));
    private final StoreLog log = new StoreLog();
    private final Guard guard = new Guard(store, log.store(), Duration.ofSeconds(30), 1, micros::get, failure -> {});

    /** Threads that ask for a logger while SLF4J starts would get a substitute. */
    @BeforeAll
    static void startLogging() {
        LoggerFactory.getILoggerFactory();
    }

    @AfterEach
    void close() {
        guard.close();
        log.close();
    }

    private Decision.Source source(String key) {
        return Await.result(guard.acquire(LOCAL, key, 1)).source();
    }

    private void failUntilOpen(String key) {
        for (int i = 0; i < 10; i++) {
            assertEquals(Decision.Source.FALLBACK, source(key));
        }
        assertFalse(guard.isCallingStore(LOCAL, key));
    }

    private long spent(String key) {
        return 1000 - Await.result(store.memory.peek(LOCAL, key, 0)).remaining();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void keysOnOtherPartsAreDecidedByTheStoreDuringAnOutage(int failing) {
        List<String> dead = List.of("b:1", "c:1").subList(0, failing);
        dead.forEach(key -> store.failing.add(Store.partOf(key)));
        dead.forEach(this::failUntilOpen);
        int rounds = store.probes.get();
        int asked = 0;
        while (asked < 100 || store.probes.get() < rounds + 6) {
            assertEquals(Decision.Source.STORE, source("a:1"));
            assertTrue(dead.stream().allMatch(key -> source(key) == Decision.Source.FALLBACK));
            asked++;
        }
        assertEquals(Math.min(1000, asked), spent("a:1"));
        assertTrue(guard.inOutage());
        assertFalse(guard.isCallingStore());
        assertEquals("OPEN", guard.stats().breaker().replace("HALF_OPEN", "OPEN"));
        assertEquals(
                dead.stream()
                        .map(key -> "The rate limit store \"" + log.store() + "\" does not answer for the keys on "
                                + Store.partOf(key)
                                + ". The on-error setting of each policy decides until it answers: "
                                + Unavailable.class.getName())
                        .toList(),
                log.lines(Level.WARN));

        store.failing.clear();
        Await.until("the store is settled", guard::isSettled);
        assertEquals(failing, log.lines(Level.INFO).size());
        assertTrue(log.lines(Level.INFO).get(0).contains("decides again for the keys on "), () -> log.lines()
                .toString());
        long before = asked + 10L;
        for (String key : dead) {
            assertEquals(Math.min(1000, before), spent(key), "all permits of the outage are charged");
            assertEquals(Decision.Source.STORE, source(key));
        }
    }

    /** The failure of such a call does not say which part has failed. */
    @Test
    void callForSeveralPartsOpensOnlyTheBreakerOfTheFailedPart() {
        store.failing.add("b");
        List<PermitRequest> both = List.of(new PermitRequest(LOCAL, "a:1", 1), new PermitRequest(LOCAL, "b:1", 1));
        for (int i = 0; i < 15; i++) {
            assertEquals(
                    Decision.Source.FALLBACK,
                    Await.result(guard.acquireAll(both)).get(1).source());
            assertEquals(Decision.Source.STORE, source("a:2"));
        }
        Await.until("the breaker of b is open", () -> !guard.isCallingStore(LOCAL, "b:1"));
        assertTrue(guard.isCallingStore(LOCAL, "a:1"));
        assertEquals(1, log.lines(Level.WARN).size());
        int calls = store.callsForSeveral.get();
        assertEquals(
                Decision.Source.FALLBACK,
                Await.result(guard.acquireAll(both)).get(0).source());
        assertEquals(calls, store.callsForSeveral.get(), "a call that includes b is not made");
        assertEquals(Decision.Source.STORE, source("a:1"));
    }

    /** The case after a failover: the keys of the failed node are on another one. */
    @Test
    void keysThatMoveToAnotherPartAreDecidedByTheStoreAtOnce() {
        store.failing.add("b");
        failUntilOpen("b:1");
        store.moved.put("b", "d");
        assertTrue(guard.isCallingStore(LOCAL, "b:1"));
        assertEquals(Decision.Source.STORE, source("b:1"));
        Await.until("the store is settled", guard::isSettled);
        assertEquals(11, spent("b:1"));
        assertFalse(guard.inOutage());
    }

    @Test
    void singleFailureIsNotAnOutage() {
        store.failing.add("a");
        assertEquals(Decision.Source.FALLBACK, source("a:1"));
        store.failing.clear();
        assertFalse(guard.isSettled());
        assertEquals(Decision.Source.STORE, source("a:1"));
        Await.until("the store is settled", guard::isSettled);
        assertEquals(2, spent("a:1"), "the permit granted locally is charged");
        assertEquals(List.of(), log.lines());
        assertEquals(0, guard.stats().transitions());
        assertEquals(Duration.ZERO, guard.stats().outage());
        assertEquals(1, guard.stats().failures());
    }

    /** With few requests, ten failures would take minutes. */
    @Test
    void failedCallAndFailedProbeBeginAnOutage() {
        store.failing.add("a");
        assertEquals(Decision.Source.FALLBACK, source("a:1"));
        Await.until("the outage begins", guard::inOutage);
        assertFalse(guard.isCallingStore(LOCAL, "a:1"));
        assertEquals(1, log.lines(Level.WARN).size());
        assertTrue(guard.isCallingStore(LOCAL, "b:1"));
    }

    @ParameterizedTest
    @CsvSource({"9, 11, 40, CLOSED", "10, 10, 1, OPEN", "5, 5, 1, CLOSED", "1, 1, 9, CLOSED", "1, 1, 10, OPEN"})
    void breakerOpensAtTenFailuresAmongTheLastTwentyCalls(int failed, int answered, int times, String state) {
        for (int i = 0; i < times; i++) {
            fail(failed);
            store.failing.clear();
            for (int j = 0; j < answered && guard.stats().breaker().equals("CLOSED"); j++) {
                source("a:1");
            }
        }
        // A round may close the breaker again only after half a second.
        assertEquals(state, guard.stats().transitions() == 0 ? "CLOSED" : "OPEN");
    }

    private void fail(int times) {
        store.failing.add("a");
        Stream.generate(() -> "a:1").limit(times).forEach(this::source);
    }

    private static final class Unavailable extends RuntimeException {

        private static final long serialVersionUID = 1L;
    }

    private static final class Store extends ForwardingBackend {

        private final MemoryBackend memory;
        private final Set<String> failing = ConcurrentHashMap.newKeySet();
        private final Map<String, String> moved = new ConcurrentHashMap<>();
        private final AtomicInteger calls = new AtomicInteger();
        private final AtomicInteger callsForSeveral = new AtomicInteger();
        private final AtomicInteger probes = new AtomicInteger();

        Store(MemoryBackend memory) {
            super(memory);
            this.memory = memory;
        }

        static String partOf(String key) {
            return key.contains(":") ? key.substring(0, key.indexOf(':')) : "other";
        }

        @Override
        public String partition(Policy policy, String key) {
            String part = partOf(key);
            return moved.getOrDefault(part, part);
        }

        @Override
        public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
            (policy.name().equals("ratelimit-probe") ? probes : calls).incrementAndGet();
            return failing.contains(partition(policy, key))
                    ? CompletableFuture.failedFuture(new Unavailable())
                    : super.acquire(policy, key, permits);
        }

        @Override
        public CompletionStage<List<Decision>> acquireAll(List<PermitRequest> requests) {
            callsForSeveral.incrementAndGet();
            return requests.stream().anyMatch(request -> failing.contains(partition(request.policy(), request.key())))
                    ? CompletableFuture.failedFuture(new Unavailable())
                    : super.acquireAll(requests);
        }
    }
}
