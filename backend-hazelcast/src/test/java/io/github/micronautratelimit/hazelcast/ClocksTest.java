package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Policy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests the warning about members whose clocks differ: an entry expires by the clock of the member that holds it. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ClocksTest {

    @ParameterizedTest
    @CsvSource({"60000, 1", "-60000, 1", "5000, 1", "0, 0"})
    void differentClocksAreWarnedOf(long aheadMillis, int count) {
        try (Cluster cluster = new Cluster(2)) {
            HazelcastInstance member = cluster.member();
            List<String> atStart = new CopyOnWriteArrayList<>();
            List<String> atJoin = new CopyOnWriteArrayList<>();
            try (HazelcastBackend before = backend(member, atJoin);
                    ForkedMember other =
                            ForkedMember.withClockAhead(cluster.name(), cluster.port(1), cluster.ports(), aheadMillis);
                    HazelcastBackend after = backend(cluster.client(), atStart)) {
                assertTrue(other.isAlive() && decides(before) && decides(after));
                assertEquals(count, atStart.size(), atStart::toString);
                awaitSize(atJoin, count);
                if (count > 0) {
                    String behind = cluster.address(aheadMillis > 0 ? 0 : 1);
                    String ahead = cluster.address(aheadMillis > 0 ? 1 : 0);
                    assertEquals(
                            "RL083: The clocks of the Hazelcast members [" + behind.replace(":", "]:") + " and ["
                                    + ahead.replace(":", "]:") + " differ by more than a second. A key that moves "
                                    + "between them may expire early and have all its permits again. Synchronize the "
                                    + "clocks.",
                            atStart.get(0));
                    assertEquals(atStart, atJoin);
                }
            }
        }
    }

    private static HazelcastBackend backend(HazelcastInstance instance, List<String> warnings) {
        return new HazelcastBackend(instance, "clocks", null, false, (code, text) -> warnings.add(code + ": " + text));
    }

    private static boolean decides(HazelcastBackend backend) {
        return backend.acquire(Policy.of("p", "5/366day"), "key", 1)
                .toCompletableFuture()
                .join()
                .allowed();
    }

    private static void awaitSize(List<String> warnings, int count) {
        long since = System.nanoTime();
        while (warnings.size() < count && System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60)) {
            LockSupport.parkNanos(1_000_000);
        }
        assertEquals(count, warnings.size(), warnings::toString);
    }
}
