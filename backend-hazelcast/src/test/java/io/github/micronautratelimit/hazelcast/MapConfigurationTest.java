package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.hazelcast.config.Config;
import com.hazelcast.config.EvictionConfig;
import com.hazelcast.config.EvictionPolicy;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MaxSizePolicy;
import com.hazelcast.core.EntryView;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.annotation.Value;
import io.micronaut.inject.qualifiers.Qualifiers;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** Tests that no configuration for all maps removes live entries, and that the start warns of one for the map. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MapConfigurationTest {

    private static final Policy POLICY = Policy.of("p", "5/366day");
    private static final int KEYS = 1_000;
    private static final String NAMESPACE = "configured";
    private static final String MAP = "ratelimit:configured";
    private static final String RECORDS = "ratelimit-records:configured";

    @TempDir
    private Path folder;

    private final List<String> warnings = new CopyOnWriteArrayList<>();

    /** Settings of a map that affect its entries. */
    enum Setting {
        EVICTION,
        MAX_IDLE,
        TIME_TO_LIVE,
        NO_BACKUP,
        ASYNC_BACKUP,
        OBJECT,
        OTHER_MERGE_POLICY,
        NONE;

        MapConfig of(String name) {
            MapConfig config = new MapConfig(name);
            config.getMergePolicyConfig().setPolicy(RateLimitMergePolicy.class.getName());
            return switch (this) {
                case EVICTION -> config.setEvictionConfig(new EvictionConfig()
                        .setEvictionPolicy(EvictionPolicy.LRU)
                        .setMaxSizePolicy(MaxSizePolicy.PER_NODE)
                        .setSize(300));
                case MAX_IDLE -> config.setMaxIdleSeconds(1);
                case TIME_TO_LIVE -> config.setTimeToLiveSeconds(1);
                case NO_BACKUP -> config.setBackupCount(0);
                case ASYNC_BACKUP -> config.setBackupCount(0).setAsyncBackupCount(1);
                case OBJECT -> config.setInMemoryFormat(InMemoryFormat.OBJECT);
                case OTHER_MERGE_POLICY -> {
                    config.getMergePolicyConfig().setPolicy("com.hazelcast.spi.merge.PassThroughMergePolicy");
                    yield config;
                }
                case NONE -> config;
            };
        }
    }

    private HazelcastBackend backend(Cluster cluster, HazelcastInstance member, String caller) {
        HazelcastInstance instance = caller.equals("client") ? cluster.client() : member;
        return new HazelcastBackend(instance, NAMESPACE, null, false, (code, text) -> warnings.add(code + ": " + text));
    }

    /** Waits for the calls of each key, because a backend refuses calls beyond the length of its queue. */
    private static long granted(RateLimitBackend backend, int calls) {
        long granted = 0;
        for (int i = 0; i < KEYS; i++) {
            List<CompletableFuture<Boolean>> decisions = new ArrayList<>();
            for (int call = 0; call < calls; call++) {
                decisions.add(backend.acquire(POLICY, "key " + i, 1)
                        .thenApply(decision -> decision.allowed())
                        .toCompletableFuture());
            }
            granted += decisions.stream().filter(CompletableFuture::join).count();
        }
        return granted;
    }

    @ParameterizedTest
    @CsvSource({
        "default, EVICTION, member",
        "default, EVICTION, client",
        "default, MAX_IDLE, member",
        "default, MAX_IDLE, client",
        "default, TIME_TO_LIVE, client"
    })
    void defaultConfigurationRemovesNoEntry(String pattern, Setting setting, String caller) {
        try (Cluster cluster = new Cluster(1, config -> config.addMapConfig(setting.of(pattern)))) {
            HazelcastInstance member = cluster.member();
            try (HazelcastBackend backend = backend(cluster, member, caller)) {
                assertEquals(5 * KEYS, granted(backend, 6), "permits of all keys");
                assertEquals(0, granted(backend, 1), "permits again");
                EntryView<?, ?> entry = member.getMap(MAP).getEntryView("p:" + KeyHash.brief("key 0"));
                assertEquals(Long.MAX_VALUE, entry.getMaxIdle());
                assertEquals(List.of(), warnings);
                assertRecordStays(backend, member);
            }
        }
    }

    private static void assertRecordStays(RateLimitBackend backend, HazelcastInstance member) {
        assertTrue(backend.sharedRecord("overrides")
                .replace("", "kept")
                .toCompletableFuture()
                .join());
        EntryView<?, ?> record = member.getMap(RECORDS).getEntryView("overrides");
        assertEquals(Long.MAX_VALUE, record.getMaxIdle());
        assertEquals(Long.MAX_VALUE, record.getExpirationTime());
        MapConfig config = member.getConfig().findMapConfig(RECORDS);
        assertEquals(EvictionPolicy.NONE, config.getEvictionConfig().getEvictionPolicy());
    }

    /** Before a member starts, the map gets a configuration of its own. */
    @ParameterizedTest
    @CsvSource({
        "mode, *, EVICTION",
        "mode, default, EVICTION",
        "mode, *, MAX_IDLE",
        "mode, ra*, TIME_TO_LIVE",
        "bean, *, EVICTION",
        "bean, *, MAX_IDLE"
    })
    void patternRemovesNoEntryOfAMemberOfTheApplication(String start, String pattern, Setting setting) {
        Map<String, Object> settings = start.equals("mode")
                ? Map.of("ratelimit.hazelcast.mode", "member", "ratelimit.hazelcast.config", yaml(pattern, setting))
                : Map.of("spec", "config-bean", "pattern", pattern, "setting", setting.name());
        Logger logger = (Logger) LoggerFactory.getLogger("io.github.micronautratelimit");
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        logger.addAppender(log);
        Map<String, Object> all = new HashMap<>(settings);
        all.put("ratelimit.namespace", NAMESPACE);
        try (ApplicationContext application = ApplicationContext.run(all, "test")) {
            RateLimitBackend backend = application.getBean(RateLimitBackend.class, Qualifiers.byName("hazelcast"));
            assertEquals(5 * KEYS, granted(backend, 6), "permits of all keys");
            assertEquals(0, granted(backend, 1), "permits again");
            HazelcastInstance member = application
                    .findBean(HazelcastInstance.class)
                    .orElseGet(() -> Hazelcast.getHazelcastInstanceByName("map-configuration"));
            EntryView<?, ?> entry = member.getMap(MAP).getEntryView("p:" + KeyHash.brief("key 0"));
            assertEquals(Long.MAX_VALUE, entry.getMaxIdle());
            assertRecordStays(backend, member);
            assertEquals(
                    List.of(),
                    log.list.stream()
                            .map(ILoggingEvent::getFormattedMessage)
                            .filter(line -> line.startsWith("RL08"))
                            .toList());
        } finally {
            logger.detachAppender(log);
        }
    }

    private String yaml(String pattern, Setting setting) {
        String line =
                switch (setting) {
                    case EVICTION -> "eviction: { eviction-policy: LRU, max-size-policy: PER_NODE, size: 300 }";
                    case MAX_IDLE -> "max-idle-seconds: 1";
                    default -> "time-to-live-seconds: 1";
                };
        try {
            return "file:"
                    + Files.writeString(
                            folder.resolve("member.yaml"),
                            """
                            hazelcast:
                              instance-name: map-configuration
                              cluster-name: %s
                              network:
                                join: { auto-detection: { enabled: false }, multicast: { enabled: false } }
                                interfaces: { enabled: true, interfaces: [127.0.0.1] }
                              map:
                                "%s": { %s }
                            """
                                    .formatted(UUID.randomUUID(), pattern, line));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** An application whose member is started from a configuration bean, as modules of Micronaut do. */
    @Factory
    @Requires(property = "spec", value = "config-bean")
    static final class MemberOfTheApplication {

        @Singleton
        Config config(@Value("${pattern}") String pattern, @Value("${setting}") Setting setting) {
            Config config = new Cluster(1).configAt(0, "127.0.0.1", List.of());
            config.getNetworkConfig().getJoin().getTcpIpConfig().setEnabled(false);
            config.getNetworkConfig().setPublicAddress(null);
            return config.addMapConfig(setting.of(pattern));
        }

        @Singleton
        @Bean(preDestroy = "shutdown")
        HazelcastInstance member(Config config) {
            return Hazelcast.newHazelcastInstance(config);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "*, EVICTION, RL080 RL085",
        "ra*, MAX_IDLE, RL080 RL085",
        "*, NO_BACKUP, RL081",
        "*, OTHER_MERGE_POLICY, RL082",
        "*, NONE,",
        "ratelimit:configured, EVICTION, RL080",
        "ratelimit:*, MAX_IDLE, RL080",
        "ratelimit:configured, TIME_TO_LIVE, RL080",
        "ratelimit:configured, NO_BACKUP, RL081",
        "ratelimit:*, OTHER_MERGE_POLICY, RL082",
        "ratelimit:configured, OBJECT, RL084",
        "ratelimit:configured, ASYNC_BACKUP,",
        "ratelimit:*, NONE,",
        "ratelimit-records:configured, EVICTION, RL085",
        "ratelimit-records:*, TIME_TO_LIVE, RL085",
        "ratelimit-records:configured, OTHER_MERGE_POLICY,"
    })
    void startWarnsOfTheConfigurationThatApplies(String pattern, Setting setting, String code) {
        try (Cluster cluster = new Cluster(1, config -> config.addMapConfig(setting.of(pattern)))) {
            HazelcastInstance member = cluster.member();
            for (String caller : List.of("member", "client")) {
                warnings.clear();
                try (HazelcastBackend backend = backend(cluster, member, caller)) {
                    assertEquals(
                            4,
                            backend.acquire(POLICY, caller, 1)
                                    .toCompletableFuture()
                                    .join()
                                    .remaining());
                    assertEquals(
                            code == null ? List.of() : List.of(code.split(" ")),
                            warnings.stream().map(text -> text.substring(0, 5)).toList());
                }
            }
        }
    }

    /** A map in use keeps its configuration, so it is too late to give it one. */
    @Test
    void startWarnsOfAMapThatIsInUse() {
        try (Cluster cluster = new Cluster(1, config -> config.addMapConfig(Setting.EVICTION.of("default")))) {
            HazelcastInstance member = cluster.member();
            member.getMap(MAP).size();
            backend(cluster, member, "client").close();
            assertEquals(
                    "RL080: The Hazelcast map " + MAP + " removes entries early, because the configuration of the "
                            + "members sets eviction, max-idle-seconds or time-to-live-seconds for it, perhaps by a "
                            + "pattern. A key whose entry is removed has all its permits again. Configure a map of "
                            + "this name without them.",
                    String.join("\n", warnings));
        }
    }

    @Test
    void mapKeepsTheProtectionOfTheConfigurationForAllMaps() {
        MapConfig general = Setting.EVICTION
                .of("*")
                .setBackupCount(2)
                .setAsyncBackupCount(3)
                .setSplitBrainProtectionName("majority");
        MapConfig own = RateLimitMapConfig.own(MAP, general);
        assertEquals(List.of(2, 3), List.of(own.getBackupCount(), own.getAsyncBackupCount()));
        assertEquals("majority", own.getSplitBrainProtectionName());
        assertEquals(EvictionPolicy.NONE, own.getEvictionConfig().getEvictionPolicy());
        assertEquals(1, RateLimitMapConfig.own(MAP, Setting.NO_BACKUP.of("*")).getTotalBackupCount());
        assertEquals(Set.of(), RateLimitMapConfig.warningsOf(own));
    }
}
