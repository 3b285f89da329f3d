package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Tests members of this and of a next version side by side: each understands what the other sends. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RollingUpdateTest {

    private static final Policy POLICY = CallingMember.POLICY;

    @TempDir
    private Path folder;

    private ForkedMember next(Cluster cluster, int index) {
        return ForkedMember.calling(
                cluster.name(), cluster.port(index), cluster.ports(), NextVersion.compileTo(folder));
    }

    private static String name(String key) {
        return POLICY.name() + ":" + KeyHash.brief(key);
    }

    @Test
    void membersOfBothVersionsDecideAndKeepBackups() {
        try (Cluster cluster = new Cluster(2)) {
            HazelcastInstance older = cluster.member();
            try (HazelcastBackend olderCaller = new HazelcastBackend(CountedMaps.of(older), CallingMember.NAMESPACE);
                    ForkedMember newer = next(cluster, 1)) {
                awaitSafe(older, 2);
                List<String> keys =
                        Stream.concat(keys(older, true), keys(older, false)).toList();
                for (String key : keys) {
                    long before = CountedMaps.calls();
                    assertEquals(
                            9,
                            olderCaller
                                    .acquire(POLICY, key, 1)
                                    .toCompletableFuture()
                                    .join()
                                    .remaining());
                    assertEquals(1, CountedMaps.calls() - before, "the member decides");
                    assertEquals("8 remain after 1 calls", newer.call(key));
                }
                newer.signal("KILL");
                awaitSafe(older, 1);
                for (String key : keys) {
                    assertEquals(
                            7,
                            olderCaller
                                    .acquire(POLICY, key, 1)
                                    .toCompletableFuture()
                                    .join()
                                    .remaining(),
                            "the backup of the other version");
                }
            }
        }
    }

    @Test
    void newestFormIsWrittenOnceAllMembersReadIt() {
        try (Cluster cluster = new Cluster(2)) {
            HazelcastInstance older = cluster.member();
            try (HazelcastBackend first = new HazelcastBackend(older, CallingMember.NAMESPACE);
                    ForkedMember newer = next(cluster, 1)) {
                assertEquals(
                        9,
                        first.acquire(POLICY, "key", 1)
                                .toCompletableFuture()
                                .join()
                                .remaining());
                assertEquals("8 remain after 1 calls", newer.call("key"));
                HazelcastInstance client = cluster.client();
                assertEquals(1, form(client, "key"));
                older.shutdown();
                long since = System.nanoTime();
                int i = 0;
                do {
                    assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60), "no newer form is written");
                    assertEquals("9 remain after 1 calls", newer.call("later " + ++i));
                } while (form(client, "later " + i) != NextVersion.FORM);
                assertEquals("8 remain after 1 calls", newer.call("later " + i), "the newer form is read");
                assertEquals("7 remain after 1 calls", newer.call("key"), "the older form is read");
            }
        }
    }

    /** A member of the first version rejects calls with calendar quotas, so the instance decides them by itself. */
    @Test
    void calendarQuotasAreExactBesideMembersThatDoNotKnowThem() {
        Policy month = Policy.of("month", "10/month Europe/Berlin; 20/366day fixed");
        try (Cluster cluster = new Cluster(2)) {
            HazelcastInstance newer = cluster.member();
            try (HazelcastBackend caller = new HazelcastBackend(CountedMaps.of(newer), CallingMember.NAMESPACE);
                    ForkedMember older = ForkedMember.calling(
                            cluster.name(), cluster.port(1), cluster.ports(), NextVersion.compilePreviousTo(folder))) {
                awaitSafe(newer, 2);
                List<String> keys =
                        Stream.concat(keys(newer, true), keys(newer, false)).toList();
                for (String key : keys) {
                    long before = CountedMaps.calls();
                    assertEquals(9, remaining(caller, POLICY, key));
                    assertEquals(1, CountedMaps.calls() - before, "the member decides");
                }
                for (String key : keys) {
                    for (int left = 9; left >= 0; left--) {
                        assertEquals(left, remaining(caller, month, key));
                    }
                    assertFalse(caller.acquire(month, key, 1)
                            .toCompletableFuture()
                            .join()
                            .allowed());
                    assertEquals(
                            10,
                            caller.usage(month, key)
                                    .toCompletableFuture()
                                    .join()
                                    .get(0)
                                    .used());
                    assertEquals("8 remain after 1 calls", older.call(key));
                }
            }
        }
    }

    private static long remaining(HazelcastBackend caller, Policy policy, String key) {
        return caller.acquire(policy, key, 1).toCompletableFuture().join().remaining();
    }

    private static byte form(HazelcastInstance client, String key) {
        return client.<String, byte[]>getMap("ratelimit:rolling").get(name(key))[0];
    }

    private static void awaitSafe(HazelcastInstance member, int members) {
        long since = System.nanoTime();
        while (member.getCluster().getMembers().size() != members
                || !member.getPartitionService().isClusterSafe()) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60));
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Returns keys that this member owns, or does not own. */
    private static Stream<String> keys(HazelcastInstance member, boolean own) {
        return IntStream.range(0, 1_000)
                .mapToObj(i -> "key " + i)
                .filter(key -> own
                        == member.getCluster()
                                .getLocalMember()
                                .equals(member.getPartitionService()
                                        .getPartition(name(key))
                                        .getOwner()))
                .limit(10);
    }
}
