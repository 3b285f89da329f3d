package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import java.lang.management.ManagementFactory;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Tests that stages complete on threads of the backend, and that calls start no threads. The build sets the
 * parallelism of the common pool to 1, as on one or two processors, where Hazelcast would start a thread for each
 * answer.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ThreadsTest {

    private static final Policy POLICY = Policy.of("threads", "1000000/h");

    private enum Caller {
        MEMBER,
        CLIENT
    }

    private static Cluster cluster;
    private static HazelcastInstance member;
    private static HazelcastInstance client;

    @BeforeAll
    static void givenTwoMembersAndAClient() {
        cluster = new Cluster(2);
        member = cluster.members(2).get(0);
        client = cluster.client();
    }

    @AfterAll
    static void close() {
        cluster.close();
    }

    private static HazelcastBackend backend(Caller caller) {
        return new HazelcastBackend(caller == Caller.MEMBER ? member : client, "threads");
    }

    @ParameterizedTest
    @EnumSource(Caller.class)
    void stagesCompleteOnThreadsOfTheBackend(Caller caller) {
        try (HazelcastBackend backend = backend(caller)) {
            Set<String> threads = ConcurrentHashMap.newKeySet();
            String own = Thread.currentThread().getName();
            for (int i = 0; i < 200; i++) {
                backend.acquire(POLICY, "key " + i, 1)
                        .thenAccept(
                                decision -> threads.add(Thread.currentThread().getName()))
                        .toCompletableFuture()
                        .join();
            }
            // If the stage was complete before the callback was added, the callback runs on this thread.
            assertTrue(
                    threads.stream().allMatch(name -> name.startsWith("ratelimit-") || name.equals(own)),
                    threads::toString);
            assertTrue(threads.stream().anyMatch(name -> name.startsWith("ratelimit-")), threads::toString);
        }
    }

    @ParameterizedTest
    @EnumSource(Caller.class)
    void callsStartNoThreads(Caller caller) {
        assertEquals(1, ForkJoinPool.getCommonPoolParallelism(), "as on one or two processors");
        try (HazelcastBackend backend = backend(caller)) {
            calls(backend, 500);
            long before = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount();
            calls(backend, 5_000);
            long started = ManagementFactory.getThreadMXBean().getTotalStartedThreadCount() - before;
            assertTrue(started < 200, () -> started + " threads were started for 5000 decisions");
        }
    }

    private static void calls(HazelcastBackend backend, int count) {
        CompletableFuture<?>[] answers = new CompletableFuture<?>[50];
        for (int done = 0; done < count; done += answers.length) {
            for (int i = 0; i < answers.length; i++) {
                answers[i] = backend.acquire(POLICY, "key " + i, 1).toCompletableFuture();
            }
            CompletableFuture.allOf(answers).orTimeout(60, TimeUnit.SECONDS).join();
        }
    }

    /** A callback may even call Hazelcast, which rejects that on partition threads. */
    @ParameterizedTest
    @EnumSource(Caller.class)
    void blockingCallbackDelaysNoOtherKey(Caller caller) throws Exception {
        try (HazelcastBackend backend = backend(caller)) {
            CountDownLatch release = new CountDownLatch(1);
            CountDownLatch blocked = new CountDownLatch(1);
            CompletableFuture<Integer> size = new CompletableFuture<>();
            new Thread(() -> backend.acquire(POLICY, "blocked", 1).thenAccept(decision -> {
                        blocked.countDown();
                        try {
                            assertTrue(release.await(60, TimeUnit.SECONDS));
                            size.complete(member.getMap("ratelimit:threads").size());
                        } catch (Throwable e) {
                            size.completeExceptionally(e);
                        }
                    }))
                    .start();
            assertTrue(blocked.await(60, TimeUnit.SECONDS));
            for (int i = 0; i < 300; i++) {
                assertTrue(backend.acquire(POLICY, "key " + i, 1)
                        .toCompletableFuture()
                        .get(60, TimeUnit.SECONDS)
                        .allowed());
            }
            assertFalse(size.isDone());
            release.countDown();
            assertTrue(size.get(60, TimeUnit.SECONDS) > 0);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "5.3.7, false",
        "5.5.0, false",
        "5.6.0, true",
        "5.7.0, true",
        "5.7.0-SNAPSHOT, true",
        "6.0, true",
        "5.10.1, true"
    })
    void hazelcastStartsThreadsSinceVersion56(String version, boolean starts) {
        assertEquals(starts, RateLimitMap.startsThreads(version));
    }
}
