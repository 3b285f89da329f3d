package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.LocalMapStats;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests the memory of keys on three members, as the members report it. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SizeTest {

    private static Cluster cluster;
    private static List<HazelcastInstance> members;

    @BeforeAll
    static void givenThreeMembers() {
        cluster = new Cluster(3);
        members = cluster.members(3);
    }

    @AfterAll
    static void close() {
        cluster.close();
    }

    /**
     * Acquires once, or once in each segment of the window. The bounds are an eighth above those in
     * docs/hazelcast.adoc.
     */
    @ParameterizedTest
    @CsvSource({"100/day, 3000, 1, 200", "1000/day sliding, 3000, 1, 200", "1000/day sliding, 400, 65, 260"})
    void keyTakesAtMost(String limits, int keys, int times, long maxBytes) {
        String namespace = "size-" + times + limits.length();
        VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
        try (HazelcastBackend backend = new HazelcastBackend(members.get(0), namespace, clock, false)) {
            RateLimiter limiter = RateLimiter.builder(backend).unguarded().build();
            Policy policy = Policy.of("policy", limits);
            for (int i = 0; i < times; i++) {
                for (int key = 0; key < keys; key++) {
                    limiter.acquireOrThrow(policy, "10.0." + key);
                }
                clock.advance(Duration.ofDays(1).dividedBy(64));
            }
            List<LocalMapStats> each = members.stream()
                    .map(member -> member.getMap("ratelimit:" + namespace).getLocalMapStats())
                    .toList();
            assertEquals(
                    keys,
                    each.stream().mapToLong(LocalMapStats::getOwnedEntryCount).sum());
            assertEquals(
                    keys,
                    each.stream().mapToLong(LocalMapStats::getBackupEntryCount).sum());
            long owned = each.stream()
                            .mapToLong(LocalMapStats::getOwnedEntryMemoryCost)
                            .sum()
                    / keys;
            long backup = each.stream()
                            .mapToLong(LocalMapStats::getBackupEntryMemoryCost)
                            .sum()
                    / keys;
            System.out.printf(
                    "%s, %d requests: %d bytes per key on its owner, %d on its backup%n", limits, times, owned, backup);
            assertTrue(
                    owned > 0 && owned <= maxBytes && backup > 0 && backup <= maxBytes,
                    () -> owned + " and " + backup + " bytes");
        }
    }
}
