package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.RateLimiter;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests the choice of the Hazelcast instance, and errors that fail start-up. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StartTest {

    private static final Policy POLICY = Policy.of("write", "10/day fixed");

    private static Cluster cluster;
    private static HazelcastInstance first;
    private static HazelcastInstance second;

    @TempDir
    private Path folder;

    @BeforeAll
    static void givenTwoUnrelatedMembers() {
        cluster = new Cluster(1);
        first = cluster.member();
        second = new Cluster(1).member();
    }

    @AfterAll
    static void close() {
        second.shutdown();
        cluster.close();
    }

    @Factory
    @Requires(property = "spec", pattern = "one|two")
    static final class Instances {

        @Singleton
        @Named("first")
        @Bean
        HazelcastInstance first() {
            return first;
        }

        @Singleton
        @Named("second")
        @Requires(property = "spec", value = "two")
        HazelcastInstance second() {
            return second;
        }
    }

    private static ApplicationContext start(Map<String, String> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("ratelimit.deadline", "60s");
        return ApplicationContext.run(all, "test");
    }

    private static Decision acquire(ApplicationContext application, String key) {
        return application.getBean(RateLimiter.class).tryAcquire(POLICY, key);
    }

    @Test
    void applicationsShareLimitsOnTheOnlyInstanceBean() {
        Map<String, String> settings = Map.of("spec", "one", "micronaut.application.name", "shop");
        try (ApplicationContext one = start(settings);
                ApplicationContext other = start(settings)) {
            assertInstanceOf(
                    HazelcastBackend.class, one.getBean(RateLimitBackend.class, Qualifiers.byName("hazelcast")));
            assertEquals(9, acquire(one, "shared").remaining());
            assertEquals(8, acquire(other, "shared").remaining());
            assertEquals(1, first.getMap("ratelimit:shop").size());
        }
        assertTrue(first.getLifecycleService().isRunning(), "the application owns the instance");
    }

    @Test
    void memoryDecidesWithoutInstanceAndProperty() {
        try (ApplicationContext application = start(Map.of())) {
            assertFalse(application.containsBean(RateLimitBackend.class, Qualifiers.byName("hazelcast")));
            assertEquals(Decision.Source.STORE, acquire(application, "alone").source());
        }
    }

    @Test
    void propertySelectsOneOfSeveralInstances() {
        try (ApplicationContext application =
                start(Map.of("spec", "two", "ratelimit.hazelcast.instance", "second", "ratelimit.namespace", "n"))) {
            assertEquals(9, acquire(application, "chosen").remaining());
            assertEquals(1, second.getMap("ratelimit:n").size());
        }
        try (ApplicationContext application =
                start(Map.of("ratelimit.hazelcast.instance", first.getName(), "ratelimit.namespace", "n"))) {
            assertEquals(9, acquire(application, "chosen").remaining());
            assertEquals(1, first.getMap("ratelimit:n").size());
        }
    }

    @Test
    void ownMemberStopsWithTheApplication() throws IOException {
        int before = Hazelcast.getAllHazelcastInstances().size();
        try (ApplicationContext application = start(Map.of("ratelimit.hazelcast.config", memberFile()))) {
            assertEquals(9, acquire(application, "own").remaining());
            HazelcastInstance own = Hazelcast.getHazelcastInstanceByName("limits");
            assertEquals(1, own.getMap("ratelimit:ratelimit").size());
            assertEquals("false", own.getConfig().getProperty("hazelcast.phone.home.enabled"));
        }
        assertEquals(before, Hazelcast.getAllHazelcastInstances().size());
    }

    private String memberFile() throws IOException {
        int port = Cluster.freePorts(1).get(0);
        return "file:"
                + Files.writeString(
                        folder.resolve("limits.yaml"),
                        """
                hazelcast:
                  instance-name: limits
                  cluster-name: own-%d
                  network:
                    port: { port: %d, auto-increment: false }
                    interfaces: { enabled: true, interfaces: [127.0.0.1] }
                    join: { multicast: { enabled: false }, auto-detection: { enabled: false } }
                """
                                .formatted(port, port));
    }

    private String clientFile(Cluster of) throws IOException {
        return "file:"
                + Files.writeString(
                        folder.resolve("client.xml"),
                        """
                <hazelcast-client xmlns="http://www.hazelcast.com/schema/client-config">
                  <cluster-name>%s</cluster-name>
                  <network><cluster-members><address>%s</address></cluster-members></network>
                </hazelcast-client>
                """
                                .formatted(of.name(), of.address(0)));
    }

    @Test
    void ownClientCallsTheMembers() throws IOException {
        try (ApplicationContext application = start(Map.of(
                "ratelimit.hazelcast.mode",
                "client",
                "ratelimit.hazelcast.config",
                clientFile(cluster),
                "ratelimit.namespace",
                "by-client"))) {
            assertEquals(9, awaitStore(application, "client").remaining());
            assertTrue(first.getMap("ratelimit:by-client").containsKey("write:" + KeyHash.brief("client")));
        }
    }

    @Test
    void applicationStartsWithoutMembersAndCallsThemLater() throws IOException {
        try (Cluster late = new Cluster(1);
                ApplicationContext application = start(
                        Map.of("ratelimit.hazelcast.mode", "client", "ratelimit.hazelcast.config", clientFile(late)))) {
            assertEquals(Decision.Source.FALLBACK, acquire(application, "early").source());
            late.member();
            assertEquals(9, awaitStore(application, "late").remaining());
        }
    }

    /** Peeks until the members decide. Permits granted without them would be charged to them afterwards. */
    private static Decision awaitStore(ApplicationContext application, String key) {
        RateLimiter limiter = application.getBean(RateLimiter.class);
        long since = System.nanoTime();
        while (limiter.peek(POLICY, key, 1).source() != Decision.Source.STORE) {
            assertTrue(System.nanoTime() - since < TimeUnit.SECONDS.toNanos(90), "The members do not decide.");
        }
        return acquire(application, key);
    }

    @ParameterizedTest
    @MethodSource
    void invalidPropertyFailsStartUp(Map<String, String> settings, String message) {
        assertEquals(message, startUpFailure(settings));
    }

    static Stream<Arguments> invalidPropertyFailsStartUp() {
        return Stream.of(
                Arguments.of(
                        Map.of("ratelimit.backend", "hazelcast"),
                        "ratelimit.backend = \"hazelcast\": the application has no "
                                + "HazelcastInstance bean; define one, or set ratelimit.hazelcast.mode to member or "
                                + "client."),
                Arguments.of(
                        Map.of("spec", "two"),
                        "There are 2 HazelcastInstance beans; select one with ratelimit.hazelcast.instance."),
                Arguments.of(
                        Map.of("ratelimit.hazelcast.instance", "third"),
                        "ratelimit.hazelcast.instance = \"third\": "
                                + "no Hazelcast instance has this name; write the name of a HazelcastInstance bean."),
                Arguments.of(
                        Map.of("ratelimit.hazelcast.config", "classpath:nowhere.yaml"),
                        "ratelimit.hazelcast.config = \"classpath:nowhere.yaml\": the resource does not exist; write "
                                + "one such as classpath:limits.yaml."),
                Arguments.of(
                        Map.of("ratelimit.hazelcast.config", "classpath:limits.json"),
                        "ratelimit.hazelcast.config = \"classpath:limits.json\": it does not end in .yaml, .yml or "
                                + ".xml."));
    }

    @Test
    void misspeltModeFailsStartUp() {
        String failure = startUpFailure(Map.of("ratelimit.hazelcast.mode", "clint"));
        assertTrue(failure.contains("mode") && failure.contains("clint"), failure);
    }

    /** Returns the message of the configuration exception, without those that the framework wraps around it. */
    private static String startUpFailure(Map<String, String> settings) {
        Throwable failure =
                assertThrows(RuntimeException.class, () -> start(settings).close());
        while (failure.getCause() != null && !(failure instanceof ConfigurationException)) {
            failure = failure.getCause();
        }
        return String.valueOf(failure.getMessage());
    }
}
