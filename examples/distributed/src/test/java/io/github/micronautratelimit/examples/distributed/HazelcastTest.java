package io.github.micronautratelimit.examples.distributed;

import com.hazelcast.config.ClasspathYamlConfig;
import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.partition.Partition;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;

/** The instances form a cluster, which is their store. This process observes it as a member without keys. */
class HazelcastTest extends SharedLimit {

    private static final String CONFIG = "members.yaml";

    private final String name = "test-" + UUID.randomUUID();
    private final List<Integer> ports =
            Stream.generate(Ports::free).distinct().limit(INSTANCES + 1L).toList();
    private final HazelcastInstance observer = Hazelcast.newHazelcastInstance(observer());

    private Config observer() {
        Properties variables = new Properties();
        variables.putAll(variables(INSTANCES));
        return new ClasspathYamlConfig(CONFIG, variables).setLiteMember(true);
    }

    private Map<String, String> variables(int index) {
        return Map.of(
                "limits.cluster",
                name,
                "limits.port",
                Integer.toString(ports.get(index)),
                "limits.members",
                ports.stream().map(port -> "127.0.0.1:" + port).collect(Collectors.joining(",")));
    }

    @AfterAll
    void stopObserver() {
        observer.getLifecycleService().terminate();
    }

    @Override
    Map<String, String> store(int index) {
        return Map.of("RATELIMIT_BACKEND", "hazelcast", "RATELIMIT_HAZELCAST_CONFIG", "classpath:" + CONFIG);
    }

    @Override
    String[] options(int index) {
        return variables(index).entrySet().stream()
                .map(each -> "-D" + each.getKey() + "=" + each.getValue())
                .toArray(String[]::new);
    }

    /** Waits until every key has a backup and every member owns keys. */
    @Override
    void awaitSettled() {
        Eventually.await(
                "every member owns keys, and every key has a backup",
                () -> observer.getPartitionService().getPartitions().stream()
                                        .map(Partition::getOwner)
                                        .distinct()
                                        .count()
                                == INSTANCES
                        && observer.getPartitionService().isClusterSafe());
    }

    @Override
    int uncertain(int inFlight) {
        return inFlight;
    }
}
