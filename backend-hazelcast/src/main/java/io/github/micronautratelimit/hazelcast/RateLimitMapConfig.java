package io.github.micronautratelimit.hazelcast;

import com.hazelcast.config.Config;
import com.hazelcast.config.EvictionPolicy;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.MapConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import com.hazelcast.spi.merge.LatestUpdateMergePolicy;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.BiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration of the map of the states, and of the map of the records beside it, on the members.
 *
 * <p>A configuration for all maps, {@code default} or a pattern such as {@code *}, may remove entries early. The map
 * therefore gets one of its own, unless the user has configured it. A configuration that is added to a running member
 * does not replace a pattern. So the own one is {@linkplain #addTo added} before a member starts, if this library
 * starts it or finds its configuration, and otherwise {@linkplain #configure while it runs}. The configuration
 * in force is checked.
 */
final class RateLimitMapConfig {

    static final String NAME_PREFIX = "ratelimit:";

    static final String RECORDS_PREFIX = "ratelimit-records:";

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitMapConfig.class);
    private static final String DEFAULT = "default";

    private RateLimitMapConfig() {}

    /** Gives the maps their own configuration on a member that is not started yet, unless the user has done so. */
    static void addTo(Config config, String name) {
        MapConfig found = config.findMapConfig(name);
        if (!isForRateLimits(found)) {
            config.addMapConfig(own(name, found));
        }
        MapConfig ofRecords = config.findMapConfig(recordsOf(name));
        if (!ofRecords.getName().startsWith(RECORDS_PREFIX)) {
            config.addMapConfig(ownOfRecords(recordsOf(name), ofRecords));
        }
    }

    /** Returns the name of the map of the records beside a map of states. */
    static String recordsOf(String name) {
        return RECORDS_PREFIX + name.substring(NAME_PREFIX.length());
    }

    /**
     * Gives the maps their own configuration in the whole cluster, unless they have one or are in use. Blocks. All
     * members must have this library, because a member could not create a map with a merge policy that it does not
     * know.
     *
     * @param member runs in this process
     * @param name   the map of the states
     * @return what is wrong with the configuration that applies
     */
    static Set<ClusterWarning> configure(HazelcastInstance member, String name) {
        Set<ClusterWarning> warnings = warningsOf(configured(member, name, RateLimitMapConfig::own));
        if (removesEntries(configured(member, recordsOf(name), RateLimitMapConfig::ownOfRecords))) {
            warnings.add(ClusterWarning.RECORDS_REMOVED);
        }
        return warnings;
    }

    private static MapConfig configured(
            HazelcastInstance member, String name, BiFunction<String, MapConfig, MapConfig> own) {
        Config config = member.getConfig();
        MapConfig found = config.findMapConfig(name);
        if (found.getName().equals(DEFAULT) && !isInUse(member, name)) {
            try {
                config.addMapConfig(own.apply(name, found));
            } catch (RuntimeException e) {
                LOG.debug("Another member configured the map {} at the same time, and differently.", name, e);
            }
            found = config.findMapConfig(name);
        }
        return found;
    }

    /** Returns whether the configuration names maps of this library, exactly or by a pattern such as ratelimit:*. */
    private static boolean isForRateLimits(MapConfig config) {
        return config.getName().startsWith(NAME_PREFIX);
    }

    private static boolean isInUse(HazelcastInstance member, String name) {
        return member.getDistributedObjects().stream()
                .anyMatch(object ->
                        object instanceof IMap<?, ?> && object.getName().equals(name));
    }

    /** Takes what protects entries from the configuration for all maps, and nothing that removes them. */
    static MapConfig own(String name, MapConfig general) {
        MapConfig own = new MapConfig(name).setSplitBrainProtectionName(general.getSplitBrainProtectionName());
        own.getMergePolicyConfig().setPolicy(RateLimitMergePolicy.class.getName());
        return hasBackup(general)
                ? own.setAsyncBackupCount(0)
                        .setBackupCount(general.getBackupCount())
                        .setAsyncBackupCount(general.getAsyncBackupCount())
                : own;
    }

    /** Returns a configuration by which a split of the cluster keeps the record that was changed last. */
    static MapConfig ownOfRecords(String name, MapConfig general) {
        // The policy compares times that the statistics of entries contain.
        MapConfig own = own(name, general).setPerEntryStatsEnabled(true);
        own.getMergePolicyConfig().setPolicy(LatestUpdateMergePolicy.class.getName());
        return own;
    }

    private static boolean removesEntries(MapConfig config) {
        return config.getEvictionConfig().getEvictionPolicy() != EvictionPolicy.NONE
                || config.getMaxIdleSeconds() > 0
                || config.getTimeToLiveSeconds() > 0;
    }

    private static boolean hasBackup(MapConfig config) {
        return config.getTotalBackupCount() > 0;
    }

    static Set<ClusterWarning> warningsOf(MapConfig config) {
        Set<ClusterWarning> warnings = EnumSet.noneOf(ClusterWarning.class);
        if (removesEntries(config)) {
            warnings.add(ClusterWarning.MAP_REMOVES_ENTRIES);
        }
        if (!hasBackup(config)) {
            warnings.add(ClusterWarning.MAP_WITHOUT_BACKUP);
        }
        if (!config.getMergePolicyConfig().getPolicy().equals(RateLimitMergePolicy.class.getName())) {
            warnings.add(ClusterWarning.MAP_MERGES_OTHERWISE);
        }
        if (config.getInMemoryFormat() == InMemoryFormat.OBJECT) {
            warnings.add(ClusterWarning.MAP_NOT_BINARY);
        }
        return warnings;
    }
}
