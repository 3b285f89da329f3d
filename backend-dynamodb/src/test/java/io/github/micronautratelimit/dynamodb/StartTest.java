package io.github.micronautratelimit.dynamodb;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;

import com.sun.net.httpserver.HttpServer;

import io.github.micronautratelimit.Coalescer;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.crac.test.CheckpointSimulator;
import io.micronaut.inject.qualifiers.Qualifiers;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.TimeToLiveStatus;

/** Applications that decide in DynamoDB by configuration alone. */
class StartTest {

    private static ApplicationContext start(Map<String, Object> settings, String... environments) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "aws.access-key-id", "local", "aws.secret-key", "local", "aws.region", "eu-central-1",
                "aws.services.dynamodb.endpoint-override", LocalDynamoDb.endpoint().toString(),
                "ratelimit.deadline", "30s", "ratelimit.dynamodb.timeout", "20s"));
        all.putAll(settings);
        return ApplicationContext.run(all, environments);
    }

    private static String refusal(Map<String, Object> settings) {
        return refusal(() -> start(settings));
    }

    private static String refusal(Supplier<ApplicationContext> start) {
        Throwable e = assertThrows(RuntimeException.class, () -> {
            try (ApplicationContext context = start.get()) {
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
    @DisabledIfEnvironmentVariable(named = "AWS_REGION", matches = ".+")
    void aMissingRegionStopsTheStart() {
        Map<String, String> nowhere = Map.of("aws.disableEc2Metadata", "true", "aws.configFile", "/there/is/none");
        nowhere.forEach(System::setProperty);
        try {
            assertEquals("DynamoDB is to decide, but there is no client for it: no region is set; write aws.region, such as "
                    + "eu-central-1, or set AWS_REGION in the environment.",
                    refusal(() -> ApplicationContext.run(Map.of("ratelimit.backend", "dynamodb"))));
        } finally {
            nowhere.keySet().forEach(System::clearProperty);
        }
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

    /**
     * Between a snapshot and its restoration all connections break, and others go on. The process that is restored opens
     * new ones before anybody asks it for a decision, and knows what the others have spent.
     */
    @Test
    void aRestoredProcessBeginsAnew() throws Exception {
        String namespace = "restored-" + UUID.randomUUID();
        Map<String, Object> settings = Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE,
                "ratelimit.namespace", namespace);
        Policy policy = Policy.of("p", "10/h sliding");
        try (Relay relay = new Relay();
                ApplicationContext frozen = start(with(settings, relay), Environment.TEST);
                ApplicationContext other = start(settings)) {
            RateLimiter limiter = frozen.getBean(RateLimiter.class);
            CheckpointSimulator snapshot = frozen.getBean(CheckpointSimulator.class);
            assertEquals(7, limiter.acquire(policy, "key", 3).remaining());

            snapshot.runBeforeCheckpoint();
            relay.breakAll();
            assertEquals(5, other.getBean(RateLimiter.class).acquire(policy, "key", 2).remaining());
            int connections = relay.connections();
            snapshot.runAfterRestore();

            assertTrue(relay.connections() > connections, "no connection was opened");
            Decision decision = limiter.acquire(policy, "key", 1);
            assertEquals(4, decision.remaining());
            assertEquals(Decision.Source.STORE, decision.source());
            assertFalse(limiter.acquire(policy, "key", 5).allowed());
        }
    }

    private static Map<String, Object> with(Map<String, Object> settings, Relay relay) {
        Map<String, Object> through = new HashMap<>(settings);
        through.put("aws.services.dynamodb.endpoint-override", relay.endpoint().toString());
        return through;
    }

    /** Only a lost connection is tried again, and once; a throttled table is left alone. */
    @Test
    void retriesAreTheBackendsOwn() throws Exception {
        AtomicInteger requests = new AtomicInteger();
        AtomicReference<String> answer = new AtomicReference<>("{}");
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            requests.incrementAndGet();
            exchange.getRequestBody().readAllBytes();
            byte[] body = answer.get().getBytes(StandardCharsets.UTF_8);
            if (body.length > 0) {
                exchange.sendResponseHeaders(body.length == 2 ? 200 : 400, body.length);
                exchange.getResponseBody().write(body);
            }
            exchange.close();
        });
        server.start();
        try (ApplicationContext context = start(Map.of("ratelimit.dynamodb.table", "throttled",
                "aws.services.dynamodb.endpoint-override", "http://127.0.0.1:" + server.getAddress().getPort()))) {
            DynamoDbBackend backend = context.getBean(DynamoDbBackend.class);
            answer.set("{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\"}");
            assertEquals(1, requestsOfAFailure(backend, requests));
            answer.set("");
            assertEquals(2, requestsOfAFailure(backend, requests));
        } finally {
            server.stop(0);
        }
    }

    private static int requestsOfAFailure(DynamoDbBackend backend, AtomicInteger requests) {
        int before = requests.get();
        assertThrows(CompletionException.class,
                () -> backend.acquire(Policy.of("p", "10/h"), "key", 1).toCompletableFuture().join());
        return requests.get() - before;
    }

    /** In front of the backend callers share requests, for as long as a decision may take. */
    @Test
    void callersShareRequests() {
        try (ApplicationContext context = start(Map.of("ratelimit.dynamodb.table", LocalDynamoDb.TABLE))) {
            RateLimitBackend backend = context.getBean(RateLimitBackend.class, Qualifiers.byName("dynamodb"));
            assertInstanceOf(Coalescer.class, backend);
            assertEquals(context.getBean(DynamoDbBackend.class).deadline(), backend.deadline());
        }
    }
}
