package io.github.micronautratelimit.benchmarks.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.HazelcastInstance;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EveryContenderGrantsTest {

    @Test
    void contendersGrantOnAMemberAndAClient() throws Exception {
        for (boolean serializers : new boolean[] {false, true}) {
            try (Member embedded = Member.embedded(serializers);
                    Member client = Member.behindAClient(serializers)) {
                for (HazelcastInstance caller : List.of(embedded.caller(), client.caller())) {
                    Stream.of(Contender.ours(caller), Contender.oursUncoalesced(caller), Contender.bucket4j(caller))
                            .forEach(each -> assertTrue(
                                    each.take("key").toCompletableFuture().join()));
                    for (String map : List.of("ratelimit:ours", "ratelimit:ours-uncoalesced", "bucket4j")) {
                        assertEquals(1, caller.getMap(map).size(), map);
                    }
                }
            }
        }
    }
}
