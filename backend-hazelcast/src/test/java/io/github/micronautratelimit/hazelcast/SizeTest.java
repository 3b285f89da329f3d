package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.LocalMapStats;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.VirtualClock;

/** What keys take on three members, by the members' own count. */
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

    /** Asked for once, or once in each of the window's segments; what docs/hazelcast.adoc says, and an eighth more. */
    @ParameterizedTest
    @CsvSource({"100/day, 10000, 1, 200", "1000/day sliding, 10000, 1, 200", "1000/day sliding, 1000, 65, 260"})
    void aKeyTakesNoMoreThan(String limits, int keys, int times, long most) {
        String namespace = "size-" + times + limits.length();
        VirtualClock clock = new VirtualClock(1_790_000_163_376_680L);
        try (HazelcastBackend backend = new HazelcastBackend(members.get(0), namespace, clock)) {
            RateLimiter limiter = new RateLimiter(backend, List.of());
            Policy policy = Policy.of("policy", limits);
            for (int i = 0; i < times; i++) {
                for (int key = 0; key < keys; key++) {
                    limiter.acquire(policy, "10.0." + key);
                }
                clock.advance(Duration.ofDays(1).dividedBy(64));
            }
            List<LocalMapStats> each = members.stream()
                    .map(member -> member.getMap("ratelimit:" + namespace).getLocalMapStats()).toList();
            assertEquals(keys, each.stream().mapToLong(LocalMapStats::getOwnedEntryCount).sum());
            assertEquals(keys, each.stream().mapToLong(LocalMapStats::getBackupEntryCount).sum());
            long owned = each.stream().mapToLong(LocalMapStats::getOwnedEntryMemoryCost).sum() / keys;
            long backup = each.stream().mapToLong(LocalMapStats::getBackupEntryMemoryCost).sum() / keys;
            System.out.printf("%s, asked for %d times: %d bytes a key on its owner, %d on its backup%n", limits, times, owned,
                    backup);
            assertTrue(owned > 0 && owned <= most && backup > 0 && backup <= most, () -> owned + " and " + backup + " bytes");
        }
    }
}
