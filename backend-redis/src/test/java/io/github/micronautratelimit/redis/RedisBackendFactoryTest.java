package io.github.micronautratelimit.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

/** Which Redis the settings of an application mean, and that it is the one that decides. */
@NeedsRedis(ofItsOwn = true)
class RedisBackendFactoryTest {

    private static final String NO_ADDRESS = " is no address of Redis; write one such as "
            + "redis://user:password@host:6379, or rediss:// for TLS, with %20 for a space and so on.";
    private static final Policy POLICY = Policy.of("p", "10/day");

    private final String namespace = "app-" + System.nanoTime();

    private ApplicationContext start(Object... settings) {
        Map<String, Object> all = new LinkedHashMap<>(Map.of("ratelimit.namespace", namespace,
                "ratelimit.deadline", "10s"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put((String) settings[i], settings[i + 1]);
        }
        return ApplicationContext.builder(all).deduceEnvironment(false).start();
    }

    private static long remaining(ApplicationContext context) {
        Decision decision = context.getBean(RateLimiter.class).acquire(POLICY, "key");
        assertEquals(Decision.Source.STORE, decision.source());
        return decision.remaining();
    }

    private boolean isStoredAt(String uri) {
        try (RedisClient client = RedisClient.create(uri)) {
            return client.connect().sync()
                    .exists(namespace + ":p:{" + KeyHash.brief("key") + "}") == 1;
        }
    }

    @Test
    void applicationsOfOneNamespaceShareTheirLimits() {
        try (ApplicationContext one = start("redis.uri", RedisServer.uri());
             ApplicationContext other = start("redis.uri", RedisServer.uri());
             ApplicationContext stranger = start("redis.uri", RedisServer.uri(),
                     "ratelimit.namespace", namespace + "-x")) {
            assertEquals(9, remaining(one));
            assertEquals(8, remaining(other));
            assertEquals(7, remaining(one));
            assertEquals(9, remaining(stranger));
        }
        assertTrue(isStoredAt(RedisServer.uri()));
    }

    @Test
    void aServerIsNamedByItsSingleSettings() {
        try (RedisProcess server = RedisProcess.start("requirepass sesame");
             ApplicationContext context = start("redis.host", "127.0.0.1", "redis.port", server.port(),
                     "redis.password", "sesame", "redis.database", 3)) {
            assertEquals(9, remaining(context));
            assertTrue(isStoredAt("redis://:sesame@127.0.0.1:" + server.port() + "/3"));
        }
    }

    @Test
    void theUrlOfTheEnvironmentCountsWhereNothingElseSaysWhereRedisIs() {
        try (RedisProcess other = RedisProcess.start();
             ApplicationContext byUrl = start("redis.url", other.uri());
             ApplicationContext byUri = start("redis.url", other.uri(), "redis.uri", RedisServer.uri(),
                     "ratelimit.namespace", namespace + "-uri")) {
            assertEquals(9, remaining(byUrl));
            assertTrue(isStoredAt(other.uri()));
            assertEquals(9, remaining(byUri));
            try (RedisClient client = RedisClient.create(other.uri())) {
                assertEquals(1, client.connect().sync().dbsize());
            }
        }
    }

    @Test
    void oneOfSeveralServersIsNamed() {
        try (RedisProcess other = RedisProcess.start();
             ApplicationContext context = start("redis.uri", RedisServer.uri(), "redis.servers.limits.uri", other.uri(),
                     "redis.servers.cache.uri", RedisServer.uri(), "ratelimit.redis.server", "limits")) {
            assertEquals(9, remaining(context));
            assertTrue(isStoredAt(other.uri()));
            assertFalse(isStoredAt(RedisServer.uri()));
        }
    }

    @Test
    void urisAreACluster() {
        try (RedisProcess node = RedisProcess.start("cluster-enabled yes");
             RedisClient client = RedisClient.create(node.uri())) {
            client.connect().sync().clusterAddSlots(allSlots());
            Eventually.await("the cluster is up",
                    () -> client.connect().sync().clusterInfo().contains("cluster_state:ok"));
            try (ApplicationContext context = start("redis.uris", List.of(node.uri()))) {
                assertTrue(context.getBean(RedisConnection.class).isCluster());
                assertEquals(9, remaining(context));
                assertTrue(isStoredAt(node.uri()));
                String calls = client.connect().sync().info("commandstats");
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
    void theFirstDecisionIsOneRoundTrip() {
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
    void theApplicationsThreadsAreUsedAndLeftAlone() {
        ClientResources resources;
        try (ApplicationContext context = start("redis.uri", RedisServer.uri(), "spec", "shared-resources")) {
            resources = context.getBean(ClientResources.class);
            assertEquals(9, remaining(context));
            assertTrue(resources.eventLoopGroupProvider().threadPoolSize() > 0);
            context.getBean(RedisConnection.class).close();
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
    void nothingIsOpenedWhereRedisDoesNotDecide(Map<String, Object> settings) {
        try (ApplicationContext context = ApplicationContext.builder(settings).deduceEnvironment(false).start()) {
            assertTrue(context.getBean(RateLimiter.class).acquire(POLICY, "key").allowed());
            assertFalse(context.containsBean(RedisConnection.class));
            assertFalse(context.containsBean(RateLimitBackend.class, Qualifiers.byName("redis")));
        }
    }

    static Stream<Map<String, Object>> nothingIsOpenedWhereRedisDoesNotDecide() {
        return Stream.of(
                Map.of("redis.uri", "redis://localhost", "ratelimit.backend", "memory"),
                Map.of("redis.servers.a.uri", "redis://localhost", "ratelimit.backend", "memory"),
                Map.of("redis.uri", "redis://localhost", "ratelimit.enabled", "false"),
                Map.of("redis.url", "redis://localhost", "redis.enabled", "false"),
                // What Kubernetes tells of a service that is called redis.
                Map.of("redis.service.host", "10.0.0.7", "redis.port", "tcp://10.0.0.7:6379"),
                Map.of());
    }

    @ParameterizedTest
    @MethodSource
    void aWrongSettingStopsTheStart(Map<String, Object> settings, String sentence) {
        RuntimeException refusal = assertThrows(RuntimeException.class, () ->
                ApplicationContext.builder(settings).deduceEnvironment(false).start().close());
        StringWriter all = new StringWriter();
        refusal.printStackTrace(new PrintWriter(all));
        assertFalse(all.toString().contains("same@host"), all::toString);
        Throwable cause = refusal;
        while (cause != null && !(cause instanceof ConfigurationException)) {
            cause = cause.getCause();
        }
        assertEquals(sentence, cause == null ? refusal.toString() : cause.getMessage());
    }

    static Stream<Arguments> aWrongSettingStopsTheStart() {
        return Stream.of(
                Arguments.of(Map.of("ratelimit.backend", "redis"),
                        "ratelimit.backend = \"redis\": no setting says where Redis is; write redis.uri, such as "
                                + "redis://localhost:6379, or redis.uris for a cluster, or set REDIS_URL in the "
                                + "environment."),
                Arguments.of(Map.of("redis.servers.b.uri", "redis://b", "redis.servers.a.uri", "redis://a"),
                        "ratelimit.redis.server is missing; write which of [a, b] keeps the rate limits."),
                Arguments.of(Map.of("redis.servers.a.uri", "redis://a", "ratelimit.redis.server", "b"),
                        "ratelimit.redis.server = \"b\": there is no such server; write one of [a]."),
                Arguments.of(Map.of("redis.uri", "redis://a", "ratelimit.redis.server", "b"),
                        "ratelimit.redis.server = \"b\": there is no such server; write redis.servers.b.uri."),
                Arguments.of(Map.of("redis.url", "http://user:sesame@host"),
                        "REDIS_URL" + NO_ADDRESS),
                Arguments.of(Map.of("redis.uri", "redis://user:se same@host"),
                        "redis.uri, or another uri under redis," + NO_ADDRESS),
                Arguments.of(Map.of("redis.uris", List.of("redis://user:se same@host")),
                        "redis.uris" + NO_ADDRESS),
                Arguments.of(Map.of("redis.servers.a.uri", "http://user:sesame@host", "ratelimit.redis.server", "a"),
                        "redis.uri, or another uri under redis," + NO_ADDRESS));
    }

    @Test
    void theLogSaysWhoDecides() {
        try (LogLines log = new LogLines(); ApplicationContext context = start("redis.uri", RedisServer.uri())) {
            assertTrue(context.isRunning());
            assertTrue(log.lines().contains("INFO Rate limits are decided by redis."), () -> "" + log.lines());
        }
        try (LogLines log = new LogLines(); ApplicationContext context = start()) {
            assertTrue(context.isRunning());
            assertTrue(log.lines().contains("INFO Rate limits are decided by memory, by each instance of the application for "
                    + "itself."), () -> "" + log.lines());
        }
    }
}
