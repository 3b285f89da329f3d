package io.github.micronautratelimit.hazelcast;

import com.hazelcast.config.Config;
import com.hazelcast.config.EvictionPolicy;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.MapConfig;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import java.util.EnumSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The configuration of the map of the states, on the members.
 *
 * <p>A configuration for all maps, {@code default} or a pattern such as {@code *}, may remove entries early. The map
 * therefore gets one of its own, unless the user has configured it. A configuration that is added to a running member
 * does not replace a pattern. So the own one is {@linkplain #addTo added} before a member starts, if this library
 * starts it or finds its configuration, and otherwise {@linkplain #configure while it runs}. The configuration
 * in force is checked.
 */
final class RateLimitMapConfig {

    static final String NAME_PREFIX = "ratelimit:";

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitMapConfig.class);
    private static final String DEFAULT = "default";

    private RateLimitMapConfig() {}

    /** Gives the map its own configuration on a member that is not started yet, unless the user has configured it. */
    static void addTo(Config config, String name) {
        MapConfig found = config.findMapConfig(name);
        if (!isForRateLimits(found)) {
            config.addMapConfig(own(name, found));
        }
    }

    /**
     * Gives the map its own configuration in the whole cluster, unless it has one or is in use. Blocks. All members
     * must have this library, because a member could not create a map with a merge policy that it does not know.
     *
     * @param member runs in this process
     * @param name   the map
     * @return what is wrong with the configuration that applies
     */
    static Set<ClusterWarning> configure(HazelcastInstance member, String name) {
        Config config = member.getConfig();
        MapConfig found = config.findMapConfig(name);
        if (found.getName().equals(DEFAULT) && !isInUse(member, name)) {
            try {
                config.addMapConfig(own(name, found));
            } catch (RuntimeException e) {
                LOG.debug("Another member configured the map {} at the same time, and differently.", name, e);
            }
            found = config.findMapConfig(name);
        }
        return warningsOf(found);
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

    private static boolean hasBackup(MapConfig config) {
        return config.getTotalBackupCount() > 0;
    }

    static Set<ClusterWarning> warningsOf(MapConfig config) {
        Set<ClusterWarning> warnings = EnumSet.noneOf(ClusterWarning.class);
        if (config.getEvictionConfig().getEvictionPolicy() != EvictionPolicy.NONE
                || config.getMaxIdleSeconds() > 0
                || config.getTimeToLiveSeconds() > 0) {
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
