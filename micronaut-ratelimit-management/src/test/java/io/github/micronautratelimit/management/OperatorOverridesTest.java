package io.github.micronautratelimit.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.policy.PolicyRegistry;
import io.github.micronautratelimit.policy.PolicyResolver;
import io.github.micronautratelimit.tck.VirtualClock;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import io.micronaut.runtime.server.EmbeddedServer;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** Limits that operators set over HTTP on one instance, and their effect on requests to several instances. */
class OperatorOverridesTest {

    private static final Argument<Map<String, Object>> JSON = Argument.mapOf(String.class, Object.class);
    private static final Map<String, Object> ANN = Map.of("policy", "orders", "key", "ann");

    private static MemoryBackend store = new MemoryBackend(() -> 0, 1);
    private static volatile boolean failing;

    private final List<Instance> instances = new ArrayList<>();

    /** The store of all instances, which outlives them. */
    @Singleton
    @Named("common")
    @Requires(property = "ratelimit.backend", value = "common")
    static class Common extends ForwardingBackend {

        Common() {
            super(store);
        }

        @Override
        public SharedRecord sharedRecord(String name) {
            SharedRecord kept = super.sharedRecord(name);
            return new SharedRecord() {

                @Override
                public CompletionStage<String> read() {
                    return failing ? refused() : kept.read();
                }

                @Override
                public CompletionStage<Boolean> replace(String expected, String replacement) {
                    return failing ? refused() : kept.replace(expected, replacement);
                }
            };
        }

        private static <T> CompletionStage<T> refused() {
            return CompletableFuture.failedFuture(new IllegalStateException("Connection refused"));
        }

        @Override
        public void close() {}
    }

    /** One instance of the application. It reads overrides when the test says so. */
    private static final class Instance implements AutoCloseable {

        private final EmbeddedServer server;
        private final HttpClient client;
        private final VirtualClock clock;

        Instance(Map<String, Object> properties) {
            Map<String, Object> all = new HashMap<>(Map.of(
                    "ratelimit.backend", "common",
                    "ratelimit.silence", "RL005",
                    "ratelimit.operator-overrides.poll-interval", "1m",
                    "endpoints.ratelimits.sensitive", "false",
                    "endpoints.ratelimits.write-sensitive", "false",
                    "ratelimit.policies.orders.limits", "3/h fixed",
                    "ratelimit.policies.orders.key", "{header:X-User}",
                    "ratelimit.policies.orders.overrides[0].key", "vip",
                    "ratelimit.policies.orders.overrides[0].limits", "5/h fixed",
                    "ratelimit.rules[0].path", "/shop/**"));
            all.put("ratelimit.rules[0].policy", "orders");
            all.putAll(properties);
            this.server = ApplicationContext.run(EmbeddedServer.class, all);
            this.client = server.getApplicationContext().createBean(HttpClient.class, server.getURL());
            this.clock = server.getApplicationContext().getBean(VirtualClock.class);
            poll();
        }

        void poll() {
            server.getApplicationContext().getBean(OverrideStore.class).poll();
        }

        /** Returns how many of ten requests of a user pass. These answer 404, because the path has no route. */
        long passed(String user) {
            long passed = 0;
            for (int i = 0; i < 10; i++) {
                passed += status(HttpRequest.GET("/shop/a").header("X-User", user)) == 404 ? 1 : 0;
            }
            return passed;
        }

        private int status(HttpRequest<?> request) {
            try {
                return client.toBlocking().exchange(request).code();
            } catch (HttpClientResponseException e) {
                return e.code();
            }
        }

        HttpResponse<Map<String, Object>> exchange(String action, Map<String, Object> body) {
            try {
                return client.toBlocking().exchange(HttpRequest.POST("/ratelimits/" + action, body), JSON, JSON);
            } catch (HttpClientResponseException e) {
                @SuppressWarnings("unchecked")
                HttpResponse<Map<String, Object>> response = (HttpResponse<Map<String, Object>>) e.getResponse();
                return response;
            }
        }

        Map<String, Object> post(String action, Map<String, Object> body) {
            HttpResponse<Map<String, Object>> response = exchange(action, body);
            assertEquals(200, response.code(), () -> String.valueOf(response.body()));
            return response.body();
        }

        String report() {
            return client.toBlocking().retrieve("/ratelimits");
        }

        @Override
        public void close() {
            server.close();
        }
    }

    @BeforeEach
    void newStore() {
        failing = false;
        store = new MemoryBackend(() -> 1_795_305_600_000_000L, 10_000);
    }

    @AfterEach
    void stop() {
        instances.forEach(Instance::close);
    }

    private Instance start() {
        return start(Map.of());
    }

    private Instance start(Map<String, Object> properties) {
        Instance instance = new Instance(properties);
        instances.add(instance);
        return instance;
    }

    private static Map<String, Object> with(Map<String, Object> scope, Object... members) {
        Map<String, Object> body = new HashMap<>(scope);
        for (int i = 0; i < members.length; i += 2) {
            body.put(members[i].toString(), members[i + 1]);
        }
        return body;
    }

    @Test
    void overrideOfAKeyAppliesOnAllInstancesAndAfterARestart() {
        Instance one = start();
        Instance other = start();
        Map<String, Object> set = one.post("override", with(ANN, "limits", "8/h fixed", "duration", "1h"));
        String hash = KeyHash.of("{header:x-user}ann");
        assertEquals(
                Map.of(
                        "policy",
                        "orders",
                        "keyHash",
                        hash,
                        "limits",
                        List.of("8/h fixed"),
                        "until",
                        "2026-11-22T01:00:01Z",
                        "before",
                        List.of()),
                set);
        assertEquals(5, one.passed("ann") - 3, "at once on the instance that set it");
        other.poll();
        assertEquals(0, other.passed("ann"), "the permits are the same ones");
        assertEquals(3, other.passed("bob"));
        assertTrue(other.report().contains(hash), other.report());
        assertFalse(other.report().contains("\"ann\""), other.report());
        one.close();
        other.close();
        instances.clear();
        Instance restarted = start();
        Map<String, Object> again =
                restarted.post("override", with(ANN, "limits", List.of("9/h fixed", "9/day fixed")));
        assertEquals(List.of("8/h fixed"), again.get("before"));
        assertEquals(List.of("9/h fixed", "9/day fixed"), again.get("limits"));
        assertFalse(again.containsKey("until"), again::toString);
    }

    @Test
    void lastKnownOverridesStayWhileTheStoreIsAwayUntilTheyEnd() {
        Instance one = start();
        Instance other = start();
        one.post("override", with(ANN, "limits", "8/h fixed", "duration", "1h"));
        other.poll();
        failing = true;
        other.poll();
        assertEquals(8, other.passed("ann"));
        HttpResponse<Map<String, Object>> refused = one.exchange("override", with(ANN, "limits", "deny"));
        assertEquals(503, refused.code());
        other.clock.advance(Duration.ofMinutes(61));
        other.poll();
        Map<String, Object> state = other.post("peek", ANN);
        assertEquals(List.of("3/h fixed"), state.get("limits"));
    }

    @Test
    void overrideOfAPolicyLeavesKeysWithLimitsOfTheirOwn() {
        Instance one = start();
        one.post("override", Map.of("policy", "orders", "limits", "1/h fixed"));
        assertEquals(1, one.passed("bob"));
        assertEquals(5, one.passed("vip"), "a configured override");
        one.post("override", with(ANN, "limits", "2/h fixed"));
        assertEquals(2, one.passed("ann"));
        one.post("override", Map.of("policy", "orders", "key", "vip", "limits", "7/h fixed"));
        assertEquals(2, one.passed("vip"), "five permits are spent");
        Map<String, Object> removed = one.post("remove-override", Map.of("policy", "orders"));
        assertEquals(List.of("1/h fixed"), removed.get("before"));
        assertEquals(3, one.passed("carl"));
        assertEquals(List.of("2/h fixed"), one.post("peek", ANN).get("limits"));
    }

    @Test
    void keysAndPoliciesCanBeDeniedOrUnlimited() {
        Instance one = start();
        one.post("override", with(ANN, "limits", "deny"));
        assertEquals(0, one.passed("ann"));
        one.post("override", with(ANN, "limits", "unlimited"));
        assertEquals(10, one.passed("ann"));
        one.post("override", Map.of("policy", "orders", "limits", "unlimited"));
        assertEquals(10, one.passed("bob"));
        one.post("override", Map.of("policy", "orders", "limits", "deny"));
        assertEquals(0, one.passed("bob"));
        assertEquals(10, one.passed("ann"));
        one.post("remove-override", Map.of("policy", "orders"));
        assertEquals(3, one.passed("bob"));
    }

    @Singleton
    @Requires(property = "resolver", value = "true")
    static class Plans implements PolicyResolver {

        @Override
        public Policy resolve(Policy policy, String key, @Nullable HttpRequest<?> request) {
            return key.equals("gold") ? policy.withLimits(Limit.parseAll("6/h fixed")) : policy;
        }
    }

    @ParameterizedTest
    @CsvSource({"unlimited, 10", "deny, 0", "1/h fixed, 1"})
    void resolverDecidesBeforeTheOverrideOfThePolicy(String limits, long others) {
        Instance one = start(Map.of("resolver", "true"));
        one.post("override", Map.of("policy", "orders", "limits", limits));
        assertEquals(6, one.passed("gold"));
        assertEquals(others, one.passed("bob"));
    }

    /** A secret makes the hashes in the store useless for others, and the same on all instances. */
    @Test
    void keysAreHashedWithTheSecret() {
        Map<String, Object> secret = Map.of("ratelimit.secret", "a secret of more than 16 bytes");
        Instance one = start(secret);
        Instance other = start(secret);
        one.post("override", with(ANN, "limits", "8/h fixed"));
        other.poll();
        assertEquals(8, other.passed("ann"));
        String text =
                store.sharedRecord("overrides").read().toCompletableFuture().join();
        assertFalse(text.contains("ann"), text);
        assertFalse(text.contains(KeyHash.of("{header:x-user}ann")), text);
    }

    /** An override of a key would silently not apply on the other instance. */
    @Test
    void instancesWithDifferentSecretsAreToldApart() {
        Instance one = start(Map.of("ratelimit.secret", "a secret of more than 16 bytes"));
        Instance other = start(Map.of("ratelimit.secret", "another one of this length"));
        one.post("override", with(ANN, "limits", "8/h fixed"));
        Logger logger = (Logger) LoggerFactory.getLogger(OverrideStore.class);
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        logger.addAppender(appender);
        other.poll();
        other.poll();
        logger.detachAppender(appender);
        assertEquals(1, appender.list.size());
        String warning = appender.list.get(0).getFormattedMessage();
        assertTrue(
                warning.contains("are for keys that are hashed with another ratelimit.secret; give all instances the"),
                warning);
        HttpResponse<Map<String, Object>> refused =
                other.exchange("override", Map.of("policy", "orders", "limits", "1/h"));
        assertEquals(503, refused.code());
        assertTrue(String.valueOf(refused.body()).contains("another ratelimit.secret"));
        one.post("remove-override", ANN);
        other.post("override", Map.of("policy", "orders", "limits", "1/h fixed"));
        one.poll();
        assertEquals(1, one.passed("ann"), "overrides of policies need no secret");
    }

    @Test
    void resetOfAPolicyForgetsAllKeysOnAllInstances() {
        Instance one = start(Map.of("ratelimit.policies.other.limits", "3/h"));
        Instance other = start();
        RateLimiter limiter = one.server.getApplicationContext().getBean(RateLimiter.class);
        PolicyRegistry policies = one.server.getApplicationContext().getBean(PolicyRegistry.class);
        assertTrue(limiter.tryAcquire(policies.get("other"), "all", 3).allowed());
        assertEquals(3, one.passed("ann"));
        assertEquals(3, one.passed("bob"));
        one.post("block", with(ANN, "duration", "1h"));
        Map<String, Object> reset = one.post("reset-all", Map.of("policy", "orders"));
        assertEquals(Map.of("policy", "orders", "otherInstancesWithinMillis", 60_000), reset);
        assertEquals(3, one.post("peek", ANN).get("remaining"));
        assertEquals(3, one.passed("ann"), "at once on the instance that was called, blocks included");
        assertEquals(0, other.passed("bob"), "not read yet");
        other.poll();
        assertEquals(3, other.passed("bob"));
        assertEquals(0, other.passed("ann"), "the permits are the same ones");
        one.post("reset-all", Map.of("policy", "orders"));
        assertEquals(3, one.passed("ann"), "in the same second");
        assertFalse(limiter.tryAcquire(policies.get("other"), "all", 1).allowed(), "other policies keep theirs");
        Instance restarted = start();
        assertEquals(0, restarted.passed("ann"));
    }

    @Test
    void resetLeavesOverridesInForce() {
        Instance one = start(Map.of("resolver", "true"));
        one.post("override", with(ANN, "limits", "5/h fixed"));
        assertEquals(5, one.passed("ann"));
        assertEquals(6, one.passed("gold"));
        one.post("reset-all", Map.of("policy", "orders"));
        assertEquals(5, one.passed("ann"));
        assertEquals(6, one.passed("gold"));
        assertEquals(5, one.passed("vip"));
    }

    @Test
    void resetOfAnythingElseIsABadRequest() {
        Instance one = start();
        assertEquals(400, one.exchange("reset-all", ANN).code());
        assertEquals(400, one.exchange("reset-all", Map.of()).code());
        assertEquals(404, one.exchange("reset-all", Map.of("policy", "none")).code());
        failing = true;
        assertEquals(503, one.exchange("reset-all", Map.of("policy", "orders")).code());
        failing = false;
        Instance polling = start(Map.of("ratelimit.operator-overrides.poll-interval", "0s"));
        assertEquals(
                400, polling.exchange("reset-all", Map.of("policy", "orders")).code());
    }

    @Test
    void overridesOfAPolicyThatIsGoneAreListedAndRemoved() {
        Map<String, Object> old = Map.of("ratelimit.policies.old.limits", "3/h", "ratelimit.policies.old.key", "{ip}");
        Instance before = start(old);
        before.post("override", Map.of("policy", "old", "limits", "9/h"));
        before.post("override", Map.of("policy", "old", "key", "192.0.2.1", "limits", "deny"));
        Instance after = start();
        String hash = KeyHash.of("{ip}192.0.2.1");
        assertTrue(after.report().contains("\"operatorOverridesWithoutPolicy\":[{\"policy\":\"old\""), after.report());
        HttpResponse<Map<String, Object>> unknown =
                after.exchange("remove-override", Map.of("policy", "old", "keyHash", "1c5a"));
        assertEquals(400, unknown.code());
        assertTrue(String.valueOf(unknown.body()).contains(hash), () -> String.valueOf(unknown.body()));
        assertEquals(
                400,
                after.exchange("remove-override", Map.of("policy", "old", "key", "192.0.2.1"))
                        .code());
        assertEquals(
                List.of("deny"),
                after.post("remove-override", Map.of("policy", "old", "keyHash", hash))
                        .get("before"));
        assertEquals(
                List.of("9/h"),
                after.post("remove-override", Map.of("policy", "old")).get("before"));
        assertFalse(after.report().contains("operatorOverridesWithoutPolicy"), after.report());
        HttpResponse<Map<String, Object>> none = after.exchange("remove-override", Map.of("policy", "old"));
        assertEquals(400, none.code());
        after.post("override", with(ANN, "limits", "9/h"));
        assertEquals(
                List.of("9/h"),
                after.post("remove-override", Map.of("policy", "orders", "keyHash", KeyHash.of("{header:x-user}ann")))
                        .get("before"));
    }

    /** Code has keys without a kind. */
    @Test
    void codeThatAsksForTheLimitsOfAKeyGetsTheOverride() {
        Instance one = start(Map.of("ratelimit.policies.jobs.limits", "2/h"));
        PolicyRegistry policies = one.server.getApplicationContext().getBean(PolicyRegistry.class);
        RateLimiter limiter = one.server.getApplicationContext().getBean(RateLimiter.class);
        one.post("override", Map.of("policy", "jobs", "key", "nightly", "limits", "4/h"));
        assertEquals(
                4,
                limiter.peek(policies.forKey(policies.get("jobs"), "nightly"), "nightly", 0)
                        .remaining());
        one.post("override", Map.of("policy", "jobs", "limits", "9/h"));
        assertEquals(
                9,
                limiter.peek(policies.forKey(policies.get("jobs"), "other"), "other", 0)
                        .remaining());
    }

    @Test
    void eachChangeIsLogged() {
        Logger logger = (Logger) LoggerFactory.getLogger(OverrideAction.class);
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        logger.addAppender(appender);
        logger.setLevel(Level.INFO);
        try {
            Instance one = start();
            one.post("override", with(ANN, "limits", "8/h", "duration", "1h"));
            one.post("remove-override", ANN);
            one.post("override", Map.of("policy", "orders", "limits", "1/h"));
            one.post("reset-all", Map.of("policy", "orders"));
            String hash = KeyHash.of("{header:x-user}ann");
            assertEquals(
                    List.of(
                            "Override of policy \"orders\" for key " + hash
                                    + " by an anonymous operator: none before, 8/h"
                                    + " now, until 2026-11-22T01:00:01Z.",
                            "Override of policy \"orders\" for key " + hash
                                    + " by an anonymous operator: 8/h before, none" + " now, until removed.",
                            "Override of policy \"orders\" for all keys by an anonymous operator: none before, 1/h now,"
                                    + " until removed.",
                            "Reset of policy \"orders\" for all keys by an anonymous operator: their spent permits and"
                                    + " blocks are forgotten."),
                    appender.list.stream()
                            .map(ILoggingEvent::getFormattedMessage)
                            .toList());
        } finally {
            logger.setLevel(null);
            logger.detachAppender(appender);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "limits | 10/mn | \"10/mn\": one of the units",
                "limits | 0/min | \"0/min\"",
                "limits | `` | \"\"",
                "limits | 5 concurrent | The policy \"orders\" has no concurrency limit, and \"5 concurrent\" has one;",
                "limits | 5/s; deny | \"5/s; deny\"",
                "duration | soon | duration = \"soon\" is not a positive duration",
                "duration | -1m | duration = \"-1m\" is not a positive duration",
                "duration | 400d | duration = \"400d\" is not a positive duration",
                "until | 2030 | Unknown field \"until\""
            })
    void invalidOverrideIsABadRequest(String member, String value, String message) {
        Instance one = start();
        Map<String, Object> body = with(ANN, "limits", "5/min");
        body.put(member, value);
        HttpResponse<Map<String, Object>> rejected = one.exchange("override", body);
        assertEquals(400, rejected.code());
        String text = String.valueOf(rejected.body());
        assertTrue(text.contains(message), text);
        assertEquals(3, one.passed("ann"));
    }

    @Test
    void overrideWithoutLimitsOrOfAnUnknownPolicyIsRejected() {
        Instance one = start();
        assertEquals(400, one.exchange("override", ANN).code());
        assertEquals(
                404,
                one.exchange("override", Map.of("policy", "none", "limits", "5/s"))
                        .code());
    }

    /** A later version may write another form. */
    @Test
    void overridesOfAnotherVersionLeaveTheLastKnownOnes() {
        Instance one = start();
        one.post("override", with(ANN, "limits", "8/h fixed"));
        String text =
                store.sharedRecord("overrides").read().toCompletableFuture().join();
        store.sharedRecord("overrides")
                .replace(text, "2\nwhat comes later")
                .toCompletableFuture()
                .join();
        one.poll();
        assertEquals(8, one.passed("ann"));
        assertEquals(503, one.exchange("override", with(ANN, "limits", "deny")).code());
    }

    @Test
    void instanceThatPollsNeverSetsNone() {
        Instance one = start(Map.of("ratelimit.operator-overrides.poll-interval", "0s"));
        HttpResponse<Map<String, Object>> rejected = one.exchange("override", with(ANN, "limits", "8/h fixed"));
        assertEquals(400, rejected.code());
        assertTrue(
                String.valueOf(rejected.body())
                        .contains("ratelimit.operator-overrides.poll-interval is 0s, so no override applies;"),
                () -> String.valueOf(rejected.body()));
        assertEquals(3, one.passed("ann"));
    }
}
