package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests a rollout: the first instances with this library join members that do not have it yet. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RolloutTest {

    private static final Policy POLICY = Policy.of("rollout", "10/366day");

    @Test
    void everyKeyIsDecidedExactlyWhateverItsOwnerAndBackup() throws Exception {
        try (Cluster cluster = new Cluster(2);
                ForkedMember stock = ForkedMember.stock(cluster.name(), cluster.port(0), cluster.ports())) {
            cluster.skipPort();
            HazelcastInstance member = cluster.member();
            assertTrue(stock.isAlive());
            assertEquals(2, member.getCluster().getMembers().size());
            long since = System.nanoTime();
            while (!member.getPartitionService().isClusterSafe()) {
                assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60));
            }
            try (HazelcastBackend backend = new HazelcastBackend(member, "rollout")) {
                // First keys whose backup cannot be written: a failure of the other keys would reveal the stock member.
                List<String> keys =
                        Stream.concat(keys(member, true), keys(member, false)).toList();
                for (String key : keys) {
                    long start = System.nanoTime();
                    long granted = 0;
                    for (int i = 0; i < 12; i++) {
                        granted += backend.acquire(POLICY, key, 1)
                                        .toCompletableFuture()
                                        .get(60, TimeUnit.SECONDS)
                                        .allowed()
                                ? 1
                                : 0;
                    }
                    assertEquals(10, granted);
                    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                    // A caller would wait 5 s for a backup that the stock member cannot write.
                    assertTrue(millis < 4_000, () -> "12 decisions took " + millis + " ms");
                }
            }
        }
    }

    /** The member cannot create the map, because it does not know the merge policy in its configuration. */
    @Test
    @SuppressWarnings("deprecation") // Newer versions have another setting, which 5.3 lacks.
    void clientOfAMemberWithoutTheLibraryStarts() {
        try (Cluster cluster = new Cluster(2)) {
            HazelcastInstance member = cluster.member();
            try (HazelcastBackend before = new HazelcastBackend(member, "rollout")) {
                assertEquals(9, remaining(before, "key"));
                try (ForkedMember stock = ForkedMember.stock(cluster.name(), cluster.port(1), cluster.ports())) {
                    assertTrue(stock.isAlive());
                    HazelcastInstance client = cluster.client(config ->
                            config.getNetworkConfig().setSmartRouting(false).setAddresses(List.of(cluster.address(1))));
                    try (RateLimiter limiter = RateLimiter.builder(new HazelcastBackend(client, "rollout"))
                            .build()) {
                        assertEquals(
                                Decision.Source.FALLBACK,
                                limiter.tryAcquire(POLICY, "key").source());
                    }
                    assertEquals(8, remaining(before, "key"));
                }
            }
        }
    }

    private static long remaining(HazelcastBackend backend, String key) {
        return backend.acquire(POLICY, key, 1).toCompletableFuture().join().remaining();
    }

    /** Returns keys that this member owns, or does not own. */
    private static Stream<String> keys(HazelcastInstance member, boolean own) {
        return IntStream.range(0, 1_000)
                .mapToObj(i -> "key " + i)
                .filter(key -> own
                        == member.getCluster()
                                .getLocalMember()
                                .equals(member.getPartitionService()
                                        .getPartition(POLICY.name() + ":" + KeyHash.brief(key))
                                        .getOwner()))
                .limit(10);
    }
}
