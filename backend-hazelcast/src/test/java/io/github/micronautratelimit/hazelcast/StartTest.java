package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;

import io.github.micronautratelimit.Coalescer;
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

/** Which instance keeps the limits, and what stops the start. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StartTest {

    private static final Policy POLICY = Policy.of("write", "10/day fixed");

    private static Cluster cluster;
    private static HazelcastInstance first;
    private static HazelcastInstance second;

    @TempDir
    private Path folder;

    @BeforeAll
    static void givenTwoMembersThatAreStrangers() {
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
        return application.getBean(RateLimiter.class).acquire(POLICY, key);
    }

    @Test
    void applicationsWithOneInstanceBeanShareTheirLimitsThere() {
        Map<String, String> settings = Map.of("spec", "one", "micronaut.application.name", "shop");
        try (ApplicationContext one = start(settings); ApplicationContext other = start(settings)) {
            assertInstanceOf(Coalescer.class, one.getBean(RateLimitBackend.class, Qualifiers.byName("hazelcast")));
            assertEquals(9, acquire(one, "shared").remaining());
            assertEquals(8, acquire(other, "shared").remaining());
            assertEquals(1, first.getMap("ratelimit:shop").size());
        }
        assertTrue(first.getLifecycleService().isRunning(), "it is the application's own");
    }

    @Test
    void withoutInstanceAndSettingMemoryDecides() {
        try (ApplicationContext application = start(Map.of())) {
            assertFalse(application.containsBean(RateLimitBackend.class, Qualifiers.byName("hazelcast")));
            assertEquals(Decision.Source.STORE, acquire(application, "alone").source());
        }
    }

    @Test
    void oneOfSeveralInstancesIsChosenByName() {
        try (ApplicationContext application =
                     start(Map.of("spec", "two", "ratelimit.hazelcast.instance", "second", "ratelimit.namespace", "n"))) {
            assertEquals(9, acquire(application, "chosen").remaining());
            assertEquals(1, second.getMap("ratelimit:n").size());
        }
        try (ApplicationContext application = start(Map.of("ratelimit.hazelcast.instance", first.getName(),
                "ratelimit.namespace", "n"))) {
            assertEquals(9, acquire(application, "chosen").remaining());
            assertEquals(1, first.getMap("ratelimit:n").size());
        }
    }

    @Test
    void aMemberOfItsOwnEndsWithTheApplication() throws IOException {
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
        return "file:" + Files.writeString(folder.resolve("limits.yaml"), """
                hazelcast:
                  instance-name: limits
                  cluster-name: own-%d
                  network:
                    port: { port: %d, auto-increment: false }
                    interfaces: { enabled: true, interfaces: [127.0.0.1] }
                    join: { multicast: { enabled: false }, auto-detection: { enabled: false } }
                """.formatted(port, port));
    }

    private String clientFile(Cluster of) throws IOException {
        return "file:" + Files.writeString(folder.resolve("client.xml"), """
                <hazelcast-client xmlns="http://www.hazelcast.com/schema/client-config">
                  <cluster-name>%s</cluster-name>
                  <network><cluster-members><address>%s</address></cluster-members></network>
                </hazelcast-client>
                """.formatted(of.name(), of.address(0)));
    }

    @Test
    void aClientOfItsOwnAsksTheMembers() throws IOException {
        try (ApplicationContext application = start(Map.of("ratelimit.hazelcast.mode", "client",
                "ratelimit.hazelcast.config", clientFile(cluster), "ratelimit.namespace", "by-client"))) {
            assertEquals(9, awaitStore(application, "client").remaining());
            assertTrue(first.getMap("ratelimit:by-client").containsKey("write:" + KeyHash.brief("client")));
        }
    }

    @Test
    void anApplicationStartsWithoutItsMembersAndAsksThemWhenTheyAreThere() throws IOException {
        try (Cluster late = new Cluster(1); ApplicationContext application = start(Map.of(
                "ratelimit.hazelcast.mode", "client", "ratelimit.hazelcast.config", clientFile(late)))) {
            assertEquals(Decision.Source.FALLBACK, acquire(application, "early").source());
            late.member();
            assertEquals(9, awaitStore(application, "late").remaining());
        }
    }

    /** Only looks until the members decide: what is granted without them is charged to them afterwards. */
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
    void aWrongSettingStopsTheStart(Map<String, String> settings, String sentence) {
        assertEquals(sentence, refusal(settings));
    }

    static Stream<Arguments> aWrongSettingStopsTheStart() {
        return Stream.of(
                Arguments.of(Map.of("ratelimit.backend", "hazelcast"), "ratelimit.backend = \"hazelcast\": there is no "
                        + "HazelcastInstance bean; make one, or set ratelimit.hazelcast.mode to member or client."),
                Arguments.of(Map.of("spec", "two"), "There are 2 HazelcastInstance beans; say which one keeps the limits "
                        + "with ratelimit.hazelcast.instance."),
                Arguments.of(Map.of("ratelimit.hazelcast.instance", "third"), "ratelimit.hazelcast.instance = \"third\": "
                        + "there is no Hazelcast instance of that name; write the name of a HazelcastInstance bean."),
                Arguments.of(Map.of("ratelimit.hazelcast.config", "classpath:nowhere.yaml"),
                        "ratelimit.hazelcast.config = \"classpath:nowhere.yaml\": there is no such resource; write one "
                                + "like classpath:limits.yaml."),
                Arguments.of(Map.of("ratelimit.hazelcast.config", "classpath:limits.json"),
                        "ratelimit.hazelcast.config = \"classpath:limits.json\": it does not end in .yaml, .yml or "
                                + ".xml."));
    }

    @Test
    void aMisspeltModeIsNotTakenForNone() {
        String refusal = refusal(Map.of("ratelimit.hazelcast.mode", "clint"));
        assertTrue(refusal.contains("mode") && refusal.contains("clint"), refusal);
    }

    /** The message of the innermost cause: what the framework adds around it says where it was when it failed. */
    private static String refusal(Map<String, String> settings) {
        Throwable refusal = assertThrows(RuntimeException.class, () -> start(settings).close());
        while (refusal.getCause() != null && !(refusal instanceof ConfigurationException)) {
            refusal = refusal.getCause();
        }
        return String.valueOf(refusal.getMessage());
    }
}
