package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.hazelcast.client.HazelcastClient;
import com.hazelcast.client.config.ClientConfig;
import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.YamlConfigBuilder;
import com.hazelcast.core.HazelcastInstance;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Service;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Runs two instances with the settings of the manifests. They find each other by the name of the service. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HazelcastManifestsTest {

    private static final String PORT = "5701";
    private static final List<String> ADDRESSES = List.of("127.0.0.1", "127.0.0.2");

    @TempDir
    private Path folder;

    private final Manifests manifests = Manifests.read("hazelcast");

    @Test
    void membersDiscoverEachOtherOnlyByTheService() {
        String yaml = manifests.the(ConfigMap.class, "orders").getData().get("hazelcast.yaml");
        Config config = new YamlConfigBuilder(new ByteArrayInputStream(yaml.getBytes(StandardCharsets.UTF_8))).build();
        JoinConfig join = config.getNetworkConfig().getJoin();
        assertEquals(
                List.of(true, false, false, false),
                List.of(
                        join.getKubernetesConfig().isEnabled(),
                        join.isAutoDetectionEnabled(),
                        join.getMulticastConfig().isEnabled(),
                        join.getTcpIpConfig().isEnabled()));
        Service members = manifests.the(Service.class, "orders-members");
        assertEquals("None", members.getSpec().getClusterIP());
        assertEquals(true, members.getSpec().getPublishNotReadyAddresses());
        assertEquals(
                Map.of("service-dns", "orders-members", "service-port", PORT),
                join.getKubernetesConfig().getProperties());
        assertEquals(Integer.parseInt(PORT), config.getNetworkConfig().getPort());
        assertEquals(Integer.parseInt(PORT), manifests.workload("orders").port("members"));
        MapConfig map = config.getMapConfig("ratelimit:orders");
        assertEquals("ratelimit:orders", map.getName());
        assertEquals(1, map.getBackupCount());
    }

    /** Uses local addresses as pods. A hosts file resolves the name of the service to them. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void membersFindEachOtherAndAStoppedMemberHandsItsKeysOver() {
        String port = Integer.toString(Ports.free());
        Deployed deployed = new Deployed(manifests, folder, text -> text.replace(PORT, port));
        Path hosts = deployed.write(
                "hosts",
                ADDRESSES.stream().map(address -> address + " orders-members\n").collect(Collectors.joining())
                        + "127.0.0.1 localhost\n");
        List<Instance> instances = start(deployed, hosts);
        HazelcastInstance client = HazelcastClient.newHazelcastClient(client(port));
        try {
            assertEquals(
                    ADDRESSES,
                    client.getCluster().getMembers().stream()
                            .map(member -> member.getAddress().getHost())
                            .sorted()
                            .toList());
            instances.forEach(instance -> assertEquals(200, instance.probe("/health/readiness")));
            RoundRobin limited = new RoundRobin(instances, UUID.randomUUID().toString());
            assertEquals(100, RoundRobin.count(limited.send(150, 150), RoundRobin.Outcome.PASSED));
            instances.get(0).stop();
            assertEquals(Collections.nCopies(50, RoundRobin.Outcome.DENIED), limited.send(50, 50));
        } finally {
            client.shutdown();
            instances.forEach(Instance::close);
        }
    }

    /** Starts one instance after the other, like the pods of a StatefulSet. */
    private static List<Instance> start(Deployed deployed, Path hosts) {
        Map<String, String> environment = deployed.environment();
        environment.putAll(SharedLimit.SETTINGS);
        return ADDRESSES.stream()
                .map(address -> Instance.start(
                        environment,
                        "-Djdk.net.hosts.file=" + hosts,
                        "-Dhazelcast.wait.seconds.before.join=1",
                        // A pod listens on all its addresses; here, each instance has only one.
                        "-Dhazelcast.local.localAddress=" + address,
                        "-Dhazelcast.socket.bind.any=false"))
                .toList();
    }

    private static ClientConfig client(String port) {
        ClientConfig config = new ClientConfig();
        config.setClusterName("orders");
        config.getNetworkConfig().setAddresses(List.of(ADDRESSES.get(0) + ":" + port));
        config.getMetricsConfig().setEnabled(false);
        return config;
    }
}
