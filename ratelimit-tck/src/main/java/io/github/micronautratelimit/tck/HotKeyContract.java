package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sends the requests of four instances with 64 callers each to one key. Exactly the capacity is granted, every caller
 * gets an answer, and each instance serves its callers in order.
 *
 * <p>To test a backend, extend this class. If applications use the backend with a
 * {@link io.github.micronautratelimit.hotkey.Coalescer}, connect it with one.
 */
public abstract class HotKeyContract {

    private static final int INSTANCES = 4;
    private static final int CALLERS = 64;
    private static final int ROUNDS = 20;
    private static final int LIMIT = 3_000;
    private static final int PATIENCE_SECONDS = 60;

    /** Creates the suite. */
    protected HotKeyContract() {}

    /**
     * Opens the store under test. The clock of the instances does not move.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    private static List<RateLimitBackend> instances(TestCase testCase) {
        return Stream.generate(() -> testCase.store.connect(testCase.clock))
                .limit(INSTANCES)
                .toList();
    }

    private static CompletableFuture<Decision> ask(RateLimitBackend instance, Policy policy) {
        return instance.acquire(policy, "hot", 1).toCompletableFuture().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Each caller is a thread. */
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {LIMIT + "/day", LIMIT + "/day sliding", LIMIT + "/day; 10000/day fixed"})
    void concurrentCallersGetExactlyTheCapacity(String limits) {
        try (TestCase testCase = new TestCase(open())) {
            Policy policy = testCase.policy(limits);
            List<RateLimitBackend> instances = instances(testCase);
            long granted = ConcurrentCallers.granted(INSTANCES * CALLERS, caller -> {
                long mine = 0;
                for (int i = 0; i < ROUNDS; i++) {
                    mine += ask(instances.get(caller % INSTANCES), policy)
                                    .join()
                                    .allowed()
                            ? 1
                            : 0;
                }
                return mine;
            });
            assertEquals(LIMIT, granted);
            assertEquals(0, testCase.status(policy, "hot").remaining());
        }
    }

    /** Each caller is a stage. The callers of an instance start one after the other, so their order is known. */
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {LIMIT + "/day", LIMIT + "/day sliding", LIMIT + "/day; 10000/day fixed"})
    void callersOfAnInstanceAreServedInOrder(String limits) {
        try (TestCase testCase = new TestCase(open())) {
            Policy policy = testCase.policy(limits);
            List<RateLimitBackend> instances = instances(testCase);
            long granted = ConcurrentCallers.granted(INSTANCES, instance -> {
                List<Decision> inOrder = new ArrayList<>();
                for (int i = 0; i < ROUNDS; i++) {
                    Stream.generate(() -> ask(instances.get(instance), policy))
                            .limit(CALLERS)
                            .toList()
                            .forEach(stage -> inOrder.add(stage.join()));
                }
                assertServedInOrder(inOrder);
                return inOrder.stream().filter(Decision::allowed).count();
            });
            assertEquals(LIMIT, granted);
            assertEquals(0, testCase.status(policy, "hot").remaining());
        }
    }

    /** No permit comes back, so each grant leaves fewer permits than the one before, and none follows a denial. */
    private static void assertServedInOrder(List<Decision> inOrder) {
        long left = LIMIT;
        boolean denied = false;
        for (Decision decision : inOrder) {
            assertTrue(!decision.allowed() || !denied && decision.remaining() < left, inOrder::toString);
            left = decision.remaining();
            denied |= !decision.allowed();
        }
    }
}
