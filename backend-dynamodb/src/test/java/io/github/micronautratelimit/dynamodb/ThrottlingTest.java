package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.dynamodb.DynamoDbBackend.BlockingClient;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** Several instances share a key that gets more writes than a partition allows, and keys of users. */
class ThrottlingTest {

    private static final int INSTANCES = 4;
    private static final int USERS = 10;
    private static final int LIMIT = 5;

    private final FaultyTransport transport = new FaultyTransport();
    private final String namespace = "throttled-" + UUID.randomUUID();
    private final DynamoDbClient client =
            LocalDynamoDb.builder().endpointOverride(transport.endpoint()).build();
    private final List<RateLimiter> instances = new ArrayList<>();
    private final Policy global = Policy.of("global", "100000/365day").withOnError(OnError.OPEN);
    private final Policy perUser = Policy.of("user", LIMIT + "/365day").withOnError(OnError.OPEN);

    ThrottlingTest() throws IOException {
        for (int i = 0; i < INSTANCES; i++) {
            instances.add(RateLimiter.builder(DynamoDbBackend.of(
                            new BlockingClient(client, LocalDynamoDb.EXECUTOR), LocalDynamoDb.TABLE, namespace))
                    .deadline(Duration.ofSeconds(10))
                    .denyCache(Duration.ZERO)
                    .build());
        }
    }

    @AfterEach
    void close() {
        instances.forEach(RateLimiter::close);
        client.close();
        transport.close();
    }

    private List<Decision> decideHotKey(int eachInstance) {
        List<CompletionStage<Decision>> decisions = new ArrayList<>();
        for (RateLimiter instance : instances) {
            for (int i = 0; i < eachInstance; i++) {
                decisions.add(instance.async().tryAcquire(global, "all"));
            }
        }
        return decisions.stream()
                .map(decision -> decision.toCompletableFuture().join())
                .toList();
    }

    private static boolean isHot(String body) {
        return body.contains(KeyHash.brief("all"));
    }

    private void assertUsersAreLimited() {
        int granted = 0;
        for (int i = 0; i < USERS * 2 * LIMIT; i++) {
            Decision decision = instances.get(i % INSTANCES).tryAcquire(perUser, "user" + i % USERS);
            assertEquals(Decision.Source.STORE, decision.source());
            granted += decision.allowed() ? 1 : 0;
        }
        assertEquals(USERS * LIMIT, granted);
        for (RateLimiter instance : instances) {
            assertEquals("CLOSED", instance.stats().store().breaker());
        }
    }

    /** All writes of the key are throttled: its on-error decides, and all other keys are decided by the table. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void throttledKeyIsDecidedByItsOnErrorAndOthersByTheTable() {
        transport.throttle(ThrottlingTest::isHot);
        List<Decision> hot = decideHotKey(30);
        assertTrue(hot.stream().allMatch(decision -> decision.source() == Decision.Source.FALLBACK));
        assertUsersAreLimited();
        int writes = transport.writes();
        assertTrue(writes < INSTANCES * 200 + 2 * USERS * LIMIT * 4, () -> "retries are bounded: " + writes);
    }

    /** Two of three writes of the key are throttled: callers wait a little, share a write, and the table decides. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void keyThatIsThrottledAtTimesIsDecidedByTheTable() {
        AtomicInteger writes = new AtomicInteger();
        transport.throttle(body -> isHot(body) && writes.getAndIncrement() % 3 != 2);
        List<Decision> hot = decideHotKey(30);
        assertTrue(hot.stream().allMatch(decision -> decision.source() == Decision.Source.STORE));
        assertTrue(hot.stream().allMatch(Decision::allowed));
        assertEquals(
                100_000 - INSTANCES * 30,
                instances.get(0).peek(global, "all", 0).remaining(),
                "each permit is charged once");
        assertUsersAreLimited();
    }
}
