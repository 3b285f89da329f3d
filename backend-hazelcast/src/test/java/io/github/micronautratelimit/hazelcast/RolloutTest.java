package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;

/** While the first instances with this library join members that have not got it yet. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RolloutTest {

    private static final Policy POLICY = Policy.of("rollout", "10/366day");

    @Test
    void everyKeyIsDecidedExactlyWhoeverOwnsItAndWhoeverBacksItUp() throws Exception {
        try (Cluster cluster = new Cluster(2);
             ForkedMember stock = ForkedMember.stock(cluster.name(), cluster.port(0), cluster.ports())) {
            cluster.skipPlace();
            HazelcastInstance member = cluster.member();
            assertTrue(stock.isAlive());
            assertEquals(2, member.getCluster().getMembers().size());
            long since = System.nanoTime();
            while (!member.getPartitionService().isClusterSafe()) {
                assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(60));
            }
            try (HazelcastBackend backend = new HazelcastBackend(member, "rollout")) {
                // First those whose backup cannot be written; a failure of the others would tell of the member.
                List<String> keys = Stream.concat(keys(member, true), keys(member, false)).toList();
                for (String key : keys) {
                    long start = System.nanoTime();
                    long granted = 0;
                    for (int i = 0; i < 12; i++) {
                        granted += backend.acquire(POLICY, key, 1).toCompletableFuture()
                                .get(60, TimeUnit.SECONDS).allowed() ? 1 : 0;
                    }
                    assertEquals(10, granted);
                    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                    // A backup that cannot be read is waited for in vain for 5 seconds.
                    assertTrue(millis < 4_000, () -> "12 decisions took " + millis + " ms");
                }
            }
        }
    }

    /** Some keys that this member owns, or does not. */
    private static Stream<String> keys(HazelcastInstance member, boolean own) {
        return IntStream.range(0, 1_000).mapToObj(i -> "key " + i).filter(key -> own == member.getCluster()
                .getLocalMember().equals(member.getPartitionService()
                        .getPartition(POLICY.name() + ":" + KeyHash.brief(key)).getOwner())).limit(10);
    }
}
