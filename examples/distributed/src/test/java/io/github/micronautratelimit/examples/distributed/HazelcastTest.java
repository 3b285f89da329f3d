package io.github.micronautratelimit.examples.distributed;

import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterAll;

import com.hazelcast.config.ClasspathYamlConfig;
import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.partition.Partition;

/** Their store is the cluster they form. This process is a member too, one without keys, that sees how the others are. */
class HazelcastTest extends SharedLimit {

    private static final String CONFIG = "members.yaml";

    private final String name = "test-" + UUID.randomUUID();
    private final List<Integer> ports = Stream.generate(Ports::free).distinct().limit(INSTANCES + 1L).toList();
    private final HazelcastInstance observer = Hazelcast.newHazelcastInstance(observer());

    private Config observer() {
        Properties variables = new Properties();
        variables.putAll(variables(INSTANCES));
        return new ClasspathYamlConfig(CONFIG, variables).setLiteMember(true);
    }

    private Map<String, String> variables(int place) {
        return Map.of("limits.cluster", name, "limits.port", Integer.toString(ports.get(place)), "limits.members",
                ports.stream().map(port -> "127.0.0.1:" + port).collect(Collectors.joining(",")));
    }

    @AfterAll
    void stopObserver() {
        observer.getLifecycleService().terminate();
    }

    @Override
    Map<String, String> store(int place) {
        return Map.of("RATELIMIT_BACKEND", "hazelcast", "RATELIMIT_HAZELCAST_CONFIG", "classpath:" + CONFIG);
    }

    @Override
    String[] options(int place) {
        return variables(place).entrySet().stream().map(each -> "-D" + each.getKey() + "=" + each.getValue())
                .toArray(String[]::new);
    }

    /** Every key has its backup, and the members have an equal share of the keys. */
    @Override
    void awaitSettled() {
        Eventually.await("the members have shared out the keys", () -> observer.getPartitionService().getPartitions()
                .stream().map(Partition::getOwner).distinct().count() == INSTANCES
                && observer.getPartitionService().isClusterSafe());
    }

    @Override
    int uncertain(int underWay) {
        return underWay;
    }
}
