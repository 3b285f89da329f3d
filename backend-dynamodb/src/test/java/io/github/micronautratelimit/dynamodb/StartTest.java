package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

import org.crac.Core;
import org.junit.jupiter.api.Test;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.qualifiers.Qualifiers;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;

/** Applications that decide in DynamoDB by configuration alone. */
class StartTest {

    private static ApplicationContext start(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "aws.access-key-id", "local", "aws.secret-key", "local", "aws.region", "eu-central-1",
                "aws.services.dynamodb.endpoint-override", LocalDynamoDb.endpoint().toString(),
                "ratelimit.deadline", "30s", "ratelimit.dynamodb.timeout", "20s"));
        all.putAll(settings);
        return ApplicationContext.run(all);
    }

    private static String refusal(Map<String, Object> settings) {
        Throwable e = assertThrows(RuntimeException.class, () -> {
            try (ApplicationContext context = start(settings)) {
                assertFalse(context.isRunning(), "started");
            }
        });
        while (!(e instanceof ConfigurationException) || e.getCause() instanceof ConfigurationException) {
            e = e.getCause();
        }
        return e.getMessage();
    }

    /** With the client that does not block; with the other, the Lambda example is tested. */
    @Test
    void aTableIsAllThatIsSet() {
        Map<String, Object> settings = Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE,
                "ratelimit.namespace", "start-" + UUID.randomUUID());
        Policy policy = Policy.of("p", "10/h; 20/day fixed");
        try (ApplicationContext one = start(settings); ApplicationContext two = start(settings)) {
            assertTrue(one.containsBean(DynamoDbAsyncClient.class));
            assertEquals(6, one.getBean(RateLimiter.class).acquire(policy, "key", 4).remaining());
            Decision decision = two.getBean(RateLimiter.class).acquire(policy, "key", 1);
            assertEquals(5, decision.remaining());
            assertEquals(Decision.Source.STORE, decision.source());
            assertFalse(one.getBean(RateLimiter.class).acquire(policy, "key", 6).allowed());
        }
    }

    @Test
    void withoutTableOrBackendNothingIsAsked() {
        try (ApplicationContext context = start(Map.of())) {
            assertFalse(context.containsBean(DynamoDbBackend.class));
        }
    }

    @Test
    void aMissingTableStopsTheStart() {
        assertEquals("ratelimit.dynamodb.table = \"nowhere\": there is no such table in this region and account; create it "
                + "with a partition key \"pk\" of type string and no sort key, or set ratelimit.dynamodb.create-table to "
                + "true.", refusal(Map.of("ratelimit.dynamodb.table", "nowhere")));
    }

    @Test
    void aTableOfAnotherKindStopsTheStart() {
        Tables.create(LocalDynamoDb.client(), "other-kind", "id");
        assertEquals("ratelimit.dynamodb.table = \"other-kind\": the key of this table is another one; name a table with a "
                + "partition key \"pk\" of type string and no sort key.",
                refusal(Map.of("ratelimit.dynamodb.table", "other-kind")));
    }

    @Test
    void wrongSettingsStopTheStart() {
        assertEquals("ratelimit.dynamodb.table = \"a b\": a table's name has 3 to 255 letters, digits, hyphens, underscores "
                + "and dots; write one such as ratelimit.", refusal(Map.of("ratelimit.dynamodb.table", "a b")));
        assertEquals("ratelimit.dynamodb.timeout: a request may take 1ms or more, not PT0S; write a duration such as 400ms.",
                refusal(Map.of("ratelimit.backend", "dynamodb", "ratelimit.dynamodb.timeout", "0s")));
    }

    @Test
    void aMissingTableIsCreatedIfWanted() {
        Map<String, Object> settings = Map.of("ratelimit.backend", "dynamodb", "ratelimit.dynamodb.table", "created",
                "ratelimit.dynamodb.create-table", "true");
        for (int i = 0; i < 2; i++) {
            try (ApplicationContext context = start(settings)) {
                Decision decision = context.getBean(RateLimiter.class).acquire(Policy.of("p", "5/day fixed"), "key");
                assertEquals(4 - i, decision.remaining());
            }
        }
        var ttl = LocalDynamoDb.client().describeTimeToLive(d -> d.tableName("created")).timeToLiveDescription();
        assertEquals("ttl", ttl.attributeName());
        assertEquals(TimeToLiveStatus.ENABLED, ttl.timeToLiveStatus());
    }

    /** A store that is away when the application starts does not keep it from starting. */
    @Test
    void aStoreThatIsAwayDoesNotStopTheStart() {
        try (ApplicationContext context = start(Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE,
                "aws.services.dynamodb.endpoint-override", "http://localhost:1"))) {
            Decision decision = context.getBean(RateLimiter.class).acquire(Policy.of("p", "5/min"), "key");
            assertEquals(Decision.Source.FALLBACK, decision.source());
            assertTrue(decision.allowed());
        }
    }

    /** As before and after a snapshot: time and keys are learnt anew, and what was spent stays spent. */
    @Test
    void aRestoredProcessBeginsAnew() throws Exception {
        try (ApplicationContext context = start(Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE,
                "ratelimit.namespace", "restored-" + UUID.randomUUID()))) {
            RateLimitBackend backend = context.getBean(RateLimitBackend.class,
                    Qualifiers.byName("dynamodb"));
            assertInstanceOf(Coalescer.class, backend);
            assertEquals(context.getBean(DynamoDbBackend.class).deadline(), backend.deadline());
            Policy policy = Policy.of("p", "10/h sliding");
            assertEquals(7, backend.acquireBlocking(policy, "key", 3).remaining());
            DynamoDbResource resource = context.getBean(DynamoDbResource.class);
            resource.beforeCheckpoint(Core.getGlobalContext());
            resource.afterRestore(Core.getGlobalContext());
            assertEquals(6, backend.acquireBlocking(policy, "key", 1).remaining());
        }
    }
}
