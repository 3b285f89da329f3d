package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;

/**
 * Four instances of an application with 64 callers each, all after the same key: exactly what is there is granted, every
 * caller is answered, and in each instance whoever comes first is served first.
 *
 * <p>Whoever writes a backend extends this with what its application uses, a
 * {@link io.github.micronautratelimit.Coalescer} in front included.
 */
public abstract class HotKeyContract {

    private static final int INSTANCES = 4;
    private static final int CALLERS = 64;
    private static final int ROUNDS = 20;
    private static final int LIMIT = 3_000;
    private static final int PATIENCE_SECONDS = 60;

    /** For subclasses. */
    protected HotKeyContract() {
    }

    /**
     * Opens the store under test. A clock that stands still tells the time.
     *
     * @return a new instance; the test case closes it
     */
    protected abstract BackendUnderTest open();

    private static List<RateLimitBackend> instances(Trial trial) {
        return Stream.generate(() -> trial.store.connect(trial.clock)).limit(INSTANCES).toList();
    }

    private static CompletableFuture<Decision> ask(RateLimitBackend instance, Policy policy) {
        return instance.acquire(policy, "hot", 1).toCompletableFuture().orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** Each caller a thread of its own. */
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {LIMIT + "/day", LIMIT + "/day sliding", LIMIT + "/day; 10000/day fixed"})
    void aCrowdIsGrantedExactlyWhatIsThere(String limits) {
        try (Trial trial = new Trial(open())) {
            Policy policy = trial.policy(limits);
            List<RateLimitBackend> instances = instances(trial);
            long granted = Crowd.granted(INSTANCES * CALLERS, caller -> {
                long mine = 0;
                for (int i = 0; i < ROUNDS; i++) {
                    mine += ask(instances.get(caller % INSTANCES), policy).join().allowed() ? 1 : 0;
                }
                return mine;
            });
            assertEquals(LIMIT, granted);
            assertEquals(0, trial.standing(policy, "hot").remaining());
        }
    }

    /** Each caller a stage: those of an instance come one after the other, so that it can be told who was first. */
    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {LIMIT + "/day", LIMIT + "/day sliding", LIMIT + "/day; 10000/day fixed"})
    void inAnInstanceWhoComesFirstIsServedFirst(String limits) {
        try (Trial trial = new Trial(open())) {
            Policy policy = trial.policy(limits);
            List<RateLimitBackend> instances = instances(trial);
            long granted = Crowd.granted(INSTANCES, instance -> {
                List<Decision> inOrder = new ArrayList<>();
                for (int i = 0; i < ROUNDS; i++) {
                    Stream.generate(() -> ask(instances.get(instance), policy)).limit(CALLERS).toList()
                            .forEach(stage -> inOrder.add(stage.join()));
                }
                assertServedInOrder(inOrder);
                return inOrder.stream().filter(Decision::allowed).count();
            });
            assertEquals(LIMIT, granted);
            assertEquals(0, trial.standing(policy, "hot").remaining());
        }
    }

    /** Nothing comes back, so a later caller finds less than an earlier one, and nothing once one was denied. */
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
