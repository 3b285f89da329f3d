package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.redis.server.Eventually;
import io.github.micronautratelimit.redis.server.RedisProcess;
import io.lettuce.core.RedisClient;
import io.lettuce.core.resource.ClientResources;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Which Redis server the properties of a Micronaut application select. */
@NeedsRedis(ofItsOwn = true)
class RedisBackendFactoryTest {

    private static final String NO_URI = ": not a Redis URI; write one like "
            + "redis://user:password@host:6379, or rediss:// for TLS. Encode special characters, a space as %20.";
    private static final Policy POLICY = Policy.of("p", "10/day");

    private final String namespace = "app-" + System.nanoTime();

    private ApplicationContext start(Object... settings) {
        Map<String, Object> all =
                new LinkedHashMap<>(Map.of("ratelimit.namespace", namespace, "ratelimit.deadline", "10s"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put((String) settings[i], settings[i + 1]);
        }
        return ApplicationContext.builder(all).deduceEnvironment(false).start();
    }

    private static long remaining(ApplicationContext context) {
        Decision decision = context.getBean(RateLimiter.class).tryAcquire(POLICY, "key");
        assertEquals(Decision.Source.STORE, decision.source());
        return decision.remaining();
    }

    private boolean isStoredAt(String uri) {
        try (RedisClient client = RedisClient.create(uri)) {
            return client.connect().sync().exists(namespace + ":p:{" + KeyHash.brief("key") + "}") == 1;
        }
    }

    @Test
    void applicationsInOneNamespaceShareLimits() {
        try (ApplicationContext one = start("redis.uri", RedisServer.uri());
                ApplicationContext other = start("redis.uri", RedisServer.uri());
                ApplicationContext stranger =
                        start("redis.uri", RedisServer.uri(), "ratelimit.namespace", namespace + "-x")) {
            assertEquals(9, remaining(one));
            assertEquals(8, remaining(other));
            assertEquals(7, remaining(one));
            assertEquals(9, remaining(stranger));
        }
        assertTrue(isStoredAt(RedisServer.uri()));
    }

    @Test
    void singlePropertiesSelectAServer() {
        try (RedisProcess server = RedisProcess.start("requirepass sesame");
                ApplicationContext context = start(
                        "redis.host",
                        "127.0.0.1",
                        "redis.port",
                        server.port(),
                        "redis.password",
                        "sesame",
                        "redis.database",
                        3)) {
            assertEquals(9, remaining(context));
            assertTrue(isStoredAt("redis://:sesame@127.0.0.1:" + server.port() + "/3"));
        }
    }

    @Test
    void redisUrlAppliesIfNoOtherPropertyNamesAServer() {
        try (RedisProcess other = RedisProcess.start();
                ApplicationContext byUrl = start("redis.url", other.uri());
                ApplicationContext byUri = start(
                        "redis.url",
                        other.uri(),
                        "redis.uri",
                        RedisServer.uri(),
                        "ratelimit.namespace",
                        namespace + "-uri")) {
            assertEquals(9, remaining(byUrl));
            assertTrue(isStoredAt(other.uri()));
            assertEquals(9, remaining(byUri));
            try (RedisClient client = RedisClient.create(other.uri())) {
                assertEquals(1, client.connect().sync().dbsize());
            }
        }
    }

    @Test
    void serverPropertySelectsOneOfSeveralServers() {
        try (RedisProcess other = RedisProcess.start();
                ApplicationContext context = start(
                        "redis.uri",
                        RedisServer.uri(),
                        "redis.servers.limits.uri",
                        other.uri(),
                        "redis.servers.cache.uri",
                        RedisServer.uri(),
                        "ratelimit.redis.server",
                        "limits")) {
            assertEquals(9, remaining(context));
            assertTrue(isStoredAt(other.uri()));
            assertFalse(isStoredAt(RedisServer.uri()));
        }
    }

    @Test
    void urisSelectACluster() {
        try (RedisProcess node = RedisProcess.start("cluster-enabled yes");
                RedisClient client = RedisClient.create(node.uri())) {
            client.connect().sync().clusterAddSlots(allSlots());
            Eventually.await(
                    "the cluster is up",
                    () -> client.connect().sync().clusterInfo().contains("cluster_state:ok"));
            try (ApplicationContext context = start("redis.uris", List.of(node.uri()))) {
                assertEquals(9, remaining(context));
                assertTrue(isStoredAt(node.uri()));
                String calls = client.connect().sync().info("commandstats");
                assertTrue(calls.contains("cmdstat_cluster|nodes:"), calls);
                assertTrue(calls.contains("cmdstat_evalsha:calls=1,"), calls);
                assertFalse(calls.contains("cmdstat_eval:"), calls);
            }
        }
    }

    private static int[] allSlots() {
        int[] slots = new int[16_384];
        for (int i = 0; i < slots.length; i++) {
            slots[i] = i;
        }
        return slots;
    }

    @Test
    void firstDecisionTakesOneRoundTrip() {
        try (RedisProcess server = RedisProcess.start();
                ApplicationContext context = start("redis.uri", server.uri());
                RedisClient client = RedisClient.create(server.uri())) {
            assertEquals(9, remaining(context));
            String calls = client.connect().sync().info("commandstats");
            assertTrue(calls.contains("cmdstat_evalsha:calls=1,"), calls);
            assertFalse(calls.contains("cmdstat_eval:"), calls);
        }
    }

    @Test
    void sharedClientResourcesAreUsedAndNotShutDown() {
        ClientResources resources;
        try (ApplicationContext context = start("redis.uri", RedisServer.uri(), "spec", "shared-resources")) {
            resources = context.getBean(ClientResources.class);
            assertEquals(9, remaining(context));
            assertTrue(resources.eventLoopGroupProvider().threadPoolSize() > 0);
            context.getBean(RedisBackend.class).close();
            assertFalse(resources.eventExecutorGroup().isShuttingDown());
        }
    }

    @Factory
    @Requires(property = "spec", value = "shared-resources")
    static final class SharedResources {

        @Singleton
        @Bean(preDestroy = "shutdown")
        ClientResources resources() {
            return ClientResources.create();
        }
    }

    @ParameterizedTest
    @MethodSource
    void noConnectionIsOpenedIfRedisIsNotSelected(Map<String, Object> settings) {
        try (ApplicationContext context =
                ApplicationContext.builder(settings).deduceEnvironment(false).start()) {
            assertTrue(
                    context.getBean(RateLimiter.class).tryAcquire(POLICY, "key").allowed());
            assertFalse(context.containsBean(RedisBackend.class));
            assertFalse(context.containsBean(RateLimitBackend.class, Qualifiers.byName("redis")));
        }
    }

    static Stream<Map<String, Object>> noConnectionIsOpenedIfRedisIsNotSelected() {
        return Stream.of(
                Map.of("redis.uri", "redis://localhost", "ratelimit.backend", "memory"),
                Map.of("redis.servers.a.uri", "redis://localhost", "ratelimit.backend", "memory"),
                Map.of("redis.uri", "redis://localhost", "ratelimit.enabled", "false"),
                Map.of("redis.url", "redis://localhost", "redis.enabled", "false"),
                // The environment that Kubernetes sets for a service named redis.
                Map.of("redis.service.host", "10.0.0.7", "redis.port", "tcp://10.0.0.7:6379"),
                Map.of());
    }

    @ParameterizedTest
    @MethodSource
    void invalidConfigurationFailsTheStart(Map<String, Object> settings, String sentence) {
        RuntimeException refusal = assertThrows(RuntimeException.class, () -> ApplicationContext.builder(settings)
                .deduceEnvironment(false)
                .start()
                .close());
        StringWriter all = new StringWriter();
        refusal.printStackTrace(new PrintWriter(all));
        assertFalse(all.toString().contains("same@host"), all::toString);
        Throwable cause = refusal;
        while (cause != null && !(cause instanceof ConfigurationException)) {
            cause = cause.getCause();
        }
        assertEquals(sentence, cause == null ? refusal.toString() : cause.getMessage());
    }

    static Stream<Arguments> invalidConfigurationFailsTheStart() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.backend", "redis"),
                        "ratelimit.backend = \"redis\": no property names a Redis server; write redis.uri, for example "
                                + "redis://localhost:6379, or redis.uris for a cluster, or set REDIS_URL in the "
                                + "environment."),
                Arguments.of(
                        Map.of("redis.servers.b.uri", "redis://b", "redis.servers.a.uri", "redis://a"),
                        "ratelimit.redis.server is missing; write which of [a, b] keeps the rate limits."),
                Arguments.of(
                        Map.of("redis.servers.a.uri", "redis://a", "ratelimit.redis.server", "b"),
                        "ratelimit.redis.server = \"b\": unknown server; write one of [a]."),
                Arguments.of(
                        Map.of("redis.uri", "redis://a", "ratelimit.redis.server", "b"),
                        "ratelimit.redis.server = \"b\": unknown server; write redis.servers.b.uri."),
                Arguments.of(Map.of("redis.url", "http://user:sesame@host"), "REDIS_URL" + NO_URI),
                Arguments.of(Map.of("redis.uri", "redis://user:se same@host"), "redis.uri" + NO_URI),
                Arguments.of(Map.of("redis.uri", ""), "redis.uri" + NO_URI),
                Arguments.of(Map.of("redis.uris", List.of("redis://user:se same@host")), "redis.uris" + NO_URI),
                Arguments.of(Map.of("redis.uris", List.of()), "redis.uris" + NO_URI),
                Arguments.of(
                        Map.of("redis.servers.a.uri", "http://user:sesame@host", "ratelimit.redis.server", "a"),
                        "redis.servers.a.uri" + NO_URI));
    }

    @Test
    void logNamesTheSelectedBackend() {
        try (LogLines log = new LogLines();
                ApplicationContext context = start("redis.uri", RedisServer.uri())) {
            assertTrue(context.isRunning());
            assertStartsOneLine(log, "INFO Rate limits are kept in redis. Limits on routes: ");
        }
        try (LogLines log = new LogLines();
                ApplicationContext context = start()) {
            assertTrue(context.isRunning());
            assertStartsOneLine(
                    log, "INFO Rate limits are kept in memory. Each instance of the application has its own limits. ");
        }
    }

    private static void assertStartsOneLine(LogLines log, String start) {
        assertEquals(
                1, log.lines().stream().filter(line -> line.startsWith(start)).count(), () -> "" + log.lines());
    }
}
