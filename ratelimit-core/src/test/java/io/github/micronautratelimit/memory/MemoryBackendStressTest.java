package io.github.micronautratelimit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitState;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;

/** All operations at the same time on the same keys: no permit is lost, and none is granted twice. */
class MemoryBackendStressTest {

    private static final int THREADS = 8;

    private final AtomicLong clock = new AtomicLong(1_790_000_000_123_456L);
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);

    /** The work of one thread. */
    @FunctionalInterface
    private interface Work {

        void run(int thread) throws Exception;
    }

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    private void inAllThreads(Work work) throws Exception {
        CyclicBarrier start = new CyclicBarrier(THREADS);
        List<Future<?>> done = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int thread = i;
            done.add(threads.submit(() -> {
                start.await(60, TimeUnit.SECONDS);
                work.run(thread);
                return null;
            }));
        }
        for (Future<?> each : done) {
            each.get(60, TimeUnit.SECONDS);
        }
    }

    /** Requests for one and several policies and refunds, while time passes and the backend evicts blank keys. */
    @RepeatedTest(5)
    void permitsOfSingleAndJointRequestsAddUp() throws Exception {
        MemoryBackend backend = new MemoryBackend(clock::get, 100);
        List<Policy> policies = List.of(
                Policy.of("bucket", "20000/366day"),
                Policy.of("window", "20000/366day sliding"),
                Policy.of("quota", "20000/366day fixed"),
                Policy.of("mixed", "20000/366day; 30000/366day fixed"));
        AtomicLongArray taken = new AtomicLongArray(policies.size());
        inAllThreads(thread -> {
            SplittableRandom random = new SplittableRandom(thread);
            for (int i = 0; i < 5_000; i++) {
                int a = random.nextInt(policies.size());
                int b = (a + 1 + random.nextInt(policies.size() - 1)) % policies.size();
                switch (random.nextInt(4)) {
                    case 0 -> {
                        if (backend.acquireBlocking(policies.get(a), "key", 2).allowed()) {
                            taken.addAndGet(a, 2);
                        }
                    }
                    case 1 -> {
                        List<PermitRequest> requests = List.of(
                                new PermitRequest(policies.get(a), "key", 1),
                                new PermitRequest(policies.get(b), "key", 3));
                        if (backend.acquireAll(requests).join().stream().allMatch(Decision::allowed)) {
                            taken.addAndGet(a, 1);
                            taken.addAndGet(b, 3);
                        }
                    }
                    case 2 -> {
                        if (backend.acquireBlocking(policies.get(a), "key", 5).allowed()) {
                            backend.refund(policies.get(a), "key", 4, LimitState.LATEST)
                                    .join();
                            taken.addAndGet(a, 1);
                        }
                    }
                    default -> {
                        backend.peek(policies.get(b), "key", 1).join();
                        clock.addAndGet(random.nextInt(3));
                    }
                }
            }
        });
        for (int i = 0; i < policies.size(); i++) {
            long left = 20_000 - taken.get(i);
            assertEquals(
                    left,
                    backend.peek(policies.get(i), "key", 0).join().remaining(),
                    policies.get(i).name());
        }
    }

    /** Keys are charged and refunded until they are blank, again and again, while other keys make the backend evict. */
    @RepeatedTest(5)
    void repeatedlyEvictedKeysLoseNoPermit() throws Exception {
        for (String limits : new String[] {"8/day", "8/day sliding", "8/day fixed", "8/day; 9/day fixed"}) {
            MemoryBackend backend = new MemoryBackend(clock::get, 50);
            Policy policy = Policy.of("p", limits);
            Policy other = Policy.of("other", "100000/day fixed");
            AtomicLong denied = new AtomicLong();
            inAllThreads(thread -> {
                for (int i = 0; i < 5_000; i++) {
                    String key = "key " + i % 3;
                    boolean allowed = thread % 2 == 0
                            ? backend.acquireBlocking(policy, key, 1).allowed()
                            : backend
                                    .acquireAll(List.of(
                                            new PermitRequest(other, "other", 1), new PermitRequest(policy, key, 1)))
                                    .join()
                                    .stream()
                                    .allMatch(Decision::allowed);
                    if (allowed) {
                        backend.refund(policy, key, 1, LimitState.LATEST).join();
                    } else {
                        denied.incrementAndGet();
                    }
                    if (thread == 0) {
                        clock.addAndGet(10_001);
                    }
                }
            });
            assertEquals(0, denied.get(), limits);
            assertEquals(
                    100_000 - 20_000, backend.peek(other, "other", 0).join().remaining(), limits);
            for (int i = 0; i < 3; i++) {
                assertEquals(8, backend.peek(policy, "key " + i, 0).join().remaining(), limits);
            }
        }
    }

    /** Each reset frees the capacity of the limit once, and nothing else does. */
    @RepeatedTest(5)
    void eachResetFreesAtMostTheLimit() throws Exception {
        for (String limits : new String[] {"100/366day", "100/366day sliding", "100/366day fixed"}) {
            MemoryBackend backend = new MemoryBackend(clock::get, 50);
            Policy policy = Policy.of("p", limits);
            Policy other = Policy.of("other", "1000000/366day");
            AtomicLong granted = new AtomicLong();
            AtomicLong joint = new AtomicLong();
            AtomicLong resets = new AtomicLong();
            inAllThreads(thread -> {
                for (int i = 0; i < 4_000; i++) {
                    if (thread == 0) {
                        if (i % 40 == 0) {
                            backend.reset(policy, "key").join();
                            resets.incrementAndGet();
                        }
                    } else if (thread % 2 == 0) {
                        granted.addAndGet(
                                backend.acquireBlocking(policy, "key", 1).allowed() ? 1 : 0);
                    } else if (backend
                            .acquireAll(
                                    List.of(new PermitRequest(policy, "key", 1), new PermitRequest(other, "key", 1)))
                            .join()
                            .stream()
                            .allMatch(Decision::allowed)) {
                        granted.incrementAndGet();
                        joint.incrementAndGet();
                    }
                }
            });
            long most = 100 * (resets.get() + 1);
            assertTrue(granted.get() >= 100 && granted.get() <= most, () -> granted + " granted, at most " + most);
            assertEquals(
                    1_000_000 - joint.get(),
                    backend.peek(other, "key", 0).join().remaining());
        }
    }

    /** A key beyond the bound moves from its shared counter to a new one of its own, while other threads request it. */
    @RepeatedTest(5)
    void keyThatLeavesItsSharedCounterIsGrantedItsLimitOnceMore() throws Exception {
        for (String limits : new String[] {"40/366day", "40/366day sliding", "40/366day fixed"}) {
            MemoryBackend backend = new MemoryBackend(clock::get, 1);
            Policy blocker = Policy.of("blocker", "5/366day");
            Policy policy = Policy.of("p", limits);
            int rounds = 1_000;
            AtomicLongArray granted = new AtomicLongArray(rounds);
            CyclicBarrier round = new CyclicBarrier(THREADS, () -> {
                backend.reset(policy, "key").join();
                backend.reset(blocker, "key").join();
                backend.acquireBlocking(blocker, "key", 1);
            });
            inAllThreads(thread -> {
                for (int i = 0; i < rounds; i++) {
                    round.await(60, TimeUnit.SECONDS);
                    for (int n = 0; n < 10; n++) {
                        if (thread == 0 && n == 3) {
                            backend.reset(blocker, "key").join();
                        }
                        granted.addAndGet(
                                i, backend.acquireBlocking(policy, "key", 1).allowed() ? 1 : 0);
                    }
                }
            });
            for (int i = 0; i < rounds; i++) {
                long in = granted.get(i);
                assertTrue(in >= 40 && in <= 80, () -> in + " of 40 to 80 were granted under " + limits);
            }
        }
    }
}
