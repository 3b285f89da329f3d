package io.github.micronautratelimit.examples.distributed;

import static io.github.micronautratelimit.examples.distributed.RoundRobin.count;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.examples.distributed.RoundRobin.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** Three instances share a limit of 100. A client sends requests to them in turn, also after a crash and a restart. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class SharedLimit {

    static final int INSTANCES = 3;
    private static final int LIMIT = 100;
    private static final int REQUESTS = 150;
    private static final int ROUNDS = 3;
    /** Enough keys that every member of a cluster owns some. */
    private static final int KEYS = 8;

    private static final int CALLERS = 12;
    private static final int NONE = -1;

    /**
     * No permit is refilled during a test. The deadline is so long that a pause of the machine does not make on-error
     * decide.
     */
    static final Map<String, String> SETTINGS =
            Map.of("RATELIMIT_POLICIES_ORDERS_LIMITS", LIMIT + "/366day", "RATELIMIT_DEADLINE", "60s");

    private final List<Instance> instances = new ArrayList<>();
    private int dead = NONE;

    /** Returns the environment variables that select the store of an instance. */
    abstract Map<String, String> store(int index);

    /** Returns the options that select the store of an instance. */
    String[] options(int index) {
        return new String[0];
    }

    /** Waits until the store can lose an instance without losing keys. */
    abstract void awaitSettled();

    /** Returns how many requests in flight through other instances may be charged or granted twice after a crash. */
    abstract int uncertain(int inFlight);

    private Instance start(int index) {
        Map<String, String> environment = new HashMap<>(SETTINGS);
        environment.putAll(store(index));
        return Instance.start(environment, options(index));
    }

    @BeforeAll
    void startAll() {
        List<CompletableFuture<Instance>> starting = IntStream.range(0, INSTANCES)
                .mapToObj(index -> CompletableFuture.supplyAsync(() -> start(index), task -> new Thread(task).start()))
                .toList();
        starting.forEach(instance -> instances.add(instance.join()));
        awaitReady();
    }

    @AfterAll
    void killAll() {
        instances.forEach(Instance::close);
    }

    private void awaitReady() {
        for (Instance instance : instances) {
            RoundRobin alone = client(List.of(instance));
            Eventually.await("the store decides", alone::decidedByStore);
        }
        awaitSettled();
    }

    /** Starts the killed instance again. */
    @BeforeEach
    void restart() {
        if (dead != NONE) {
            instances.set(dead, start(dead));
            dead = NONE;
            awaitReady();
        }
    }

    private void kill(int index) {
        instances.get(index).kill();
        dead = index;
    }

    private static RoundRobin client(List<Instance> instances) {
        return new RoundRobin(instances, freshKey());
    }

    private static String freshKey() {
        return UUID.randomUUID().toString();
    }

    private static void assertOutcomes(int passed, int denied, List<Outcome> outcomes) {
        assertEquals(passed, count(outcomes, Outcome.PASSED));
        assertEquals(denied, count(outcomes, Outcome.DENIED));
        assertEquals(passed + denied, outcomes.size());
    }

    @Test
    void exactlyAHundredOfConcurrentRequestsPass() {
        for (int i = 0; i < ROUNDS; i++) {
            assertOutcomes(LIMIT, REQUESTS - LIMIT, client(instances).send(REQUESTS, REQUESTS));
        }
    }

    @Test
    void exactlyAHundredPassWithACrashAndARestartInBetween() {
        List<String> keys = Stream.generate(SharedLimit::freshKey).limit(KEYS).toList();
        sendAll(keys, 50, 0, 50);
        kill(1);
        sendAll(keys, 30, 0, 30);
        restart();
        sendAll(keys, 20, 50, 70);
    }

    private void sendAll(List<String> keys, int passed, int denied, int requests) {
        for (String key : keys) {
            assertOutcomes(passed, denied, new RoundRobin(instances, key).send(requests, requests));
        }
    }

    /** The killed instance may have charged its requests in flight, so no other request gets their permits. */
    @Test
    void crashLosesAtMostTheRequestsInFlight() {
        String key = freshKey();
        RoundRobin client = new RoundRobin(instances, key);
        CompletableFuture<List<Outcome>> sending = CompletableFuture.supplyAsync(
                () -> client.send(10 * REQUESTS, CALLERS), task -> new Thread(task).start());
        Eventually.await("some requests have ended", () -> client.ended() >= LIMIT / 5);
        kill(2);
        assertTrue(client.ended() < 10 * REQUESTS, "killed with requests in flight");
        List<Outcome> outcomes = sending.join();
        int passed = count(outcomes, Outcome.PASSED);
        int lost = count(outcomes, Outcome.LOST);
        assertTrue(lost <= LIMIT / 2, () -> lost + " were lost");
        assertTrue(passed <= LIMIT + uncertain(CALLERS), () -> passed + " passed");
        assertTrue(passed >= LIMIT - lost - uncertain(CALLERS), () -> passed + " passed, " + lost + " lost");
        assertOutcomes(0, REQUESTS, new RoundRobin(instances, key).send(REQUESTS, CALLERS));
    }
}
