package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.config.MapConfig;
import com.hazelcast.config.NearCacheConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests the contract of the fallback on a member that has this library. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HazelcastMemberFallbackTest {

    private static final Policy POLICY = Policy.of("p", "10/day");

    private static Cluster cluster;
    private static HazelcastInstance member;

    private final MemberChecks checks = new MemberChecks(member, "entries", (code, text) -> {});
    private final HazelcastMemberFallback fallback = new HazelcastMemberFallback(checks, key -> Runnable::run, null);
    private final IMap<String, byte[]> entries = member.getMap("entries");

    @BeforeAll
    static void start() {
        cluster = new Cluster(1);
        member = cluster.member();
    }

    @AfterAll
    static void stop() {
        cluster.close();
    }

    @AfterEach
    void close() {
        checks.close();
        entries.clear();
    }

    private static PermitProcessor acquire(long permits) {
        return new PermitProcessor(PermitProcessor.Kind.ACQUIRE, POLICY.rateLimits(), List.of(permits), null);
    }

    private CompletableFuture<Decision> execute(IMap<String, byte[]> map, long permits) {
        return fallback.execute(map, "key", acquire(permits), decisions -> decisions.get(0));
    }

    @Test
    void isNotNeededIfTheMembersHaveTheLibrary() {
        assertTrue(checks.allConfirmed());
        assertFalse(fallback.isNeeded());
    }

    @Test
    void isNeededAfterARejectionUntilALaterCallSucceeds() {
        fallback.rejected(new HazelcastSerializationException("first"));
        long first = fallback.lastRejection();
        fallback.rejected(new HazelcastSerializationException("second"));
        long second = fallback.lastRejection();
        assertNotEquals(first, second);
        fallback.accepted(first);
        assertTrue(fallback.isNeeded(), "a call before the second rejection");
        fallback.accepted(second);
        assertFalse(fallback.isNeeded());
    }

    @Test
    void sharesEntriesWithTheMembers() {
        assertEquals(9, execute(entries, 1).join().remaining());
        List<Decision> byMember = acquire(2).decisions(entries.executeOnKey("key", acquire(2)));
        assertEquals(7, byMember.get(0).remaining());
        assertEquals(4, execute(entries, 3).join().remaining());
        assertFalse(execute(entries, 5).join().allowed());
    }

    /** A near cache that is never invalidated: on a member by the pattern near*, on a client by its configuration. */
    @ParameterizedTest
    @ValueSource(strings = {"member", "client"})
    void staleNearCacheIsNotRead(String caller) {
        NearCacheConfig nearCache =
                new NearCacheConfig().setInvalidateOnChange(false).setCacheLocalEntries(true);
        MapConfig config = new MapConfig("near*").setNearCacheConfig(nearCache);
        try (Cluster other = new Cluster(1, each -> each.addMapConfig(config))) {
            IMap<String, byte[]> stored = other.member().getMap("near");
            NearCacheConfig ofClient =
                    new NearCacheConfig(nearCache).setName("near").setCacheLocalEntries(false);
            HazelcastInstance client = other.client(each -> each.addNearCacheConfig(ofClient));
            IMap<String, byte[]> map = caller.equals("client") ? client.getMap("near") : stored;
            IMap<String, byte[]> direct = other.client().getMap("near");
            map.get("key");
            direct.executeOnKey("key", acquire(9));
            assertFalse(execute(map, 2).join().allowed(), "an absent entry is in the near cache");
            map.get("key");
            direct.delete("key");
            assertEquals(0, execute(map, 10).join().remaining(), "a spent key is in the near cache");
            map.get("key");
            direct.delete("key");
            direct.executeOnKey("key", acquire(3));
            assertEquals(0, execute(map, 7).join().remaining());
            map.get("key");
            assertFalse(execute(map, 1).join().allowed());
        }
    }

    @Test
    void grantsSetTheExpiry() {
        for (int i = 0; i < 2; i++) {
            long resetAfter = execute(entries, 5).join().resetAfterMicros();
            long minExpiry = System.currentTimeMillis() + TimeUnit.MICROSECONDS.toMillis(resetAfter);
            assertTrue(entries.getEntryView("key").getExpirationTime() >= minExpiry);
        }
    }

    @Test
    void failsIfOtherCallersKeepChangingTheEntry() {
        execute(entries, 1).join();
        IMap<?, ?> contended = (IMap<?, ?>) Proxy.newProxyInstance(
                IMap.class.getClassLoader(),
                new Class<?>[] {IMap.class},
                (self, method, arguments) ->
                        method.getName().equals("replace") ? (Object) false : method.invoke(entries, arguments));
        @SuppressWarnings("unchecked")
        CompletableFuture<Decision> decision = execute((IMap<String, byte[]>) contended, 1);
        Throwable failure =
                assertThrows(CompletionException.class, decision::join).getCause();
        assertTrue(assertInstanceOf(IllegalStateException.class, failure)
                .getMessage()
                .startsWith("Too many instances changed the key at once"));
    }
}
