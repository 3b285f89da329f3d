package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.ContainerPort;
import io.fabric8.kubernetes.api.model.EnvVar;
import io.fabric8.kubernetes.api.model.Probe;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretKeySelector;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.Volume;
import io.fabric8.kubernetes.api.model.VolumeMount;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicyPort;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checks properties and references of the manifests without a cluster. */
class ManifestsTest {

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void kustomizationListsEveryFileAndEveryPropertyIsKnown(String folder) {
        Manifests manifests = Manifests.read(folder);
        assertEquals(manifests.files(), manifests.listed());
        assertFalse(manifests.workloads().isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void selectorsMatchWorkloads(String folder) {
        Manifests manifests = Manifests.read(folder);
        for (Manifests.Workload workload : manifests.workloads()) {
            assertTrue(workload.hasLabels(workload.selector().getMatchLabels()), workload.name());
            workload.template()
                    .getSpec()
                    .getTopologySpreadConstraints()
                    .forEach(spread -> assertEquals(
                            workload.selector().getMatchLabels(),
                            spread.getLabelSelector().getMatchLabels()));
        }
        manifests
                .all(Service.class)
                .forEach(each -> selected(manifests, each.getSpec().getSelector()));
        manifests
                .all(PodDisruptionBudget.class)
                .forEach(
                        each -> selected(manifests, each.getSpec().getSelector().getMatchLabels()));
        manifests.all(NetworkPolicy.class).forEach(each -> {
            selected(manifests, each.getSpec().getPodSelector().getMatchLabels());
            each.getSpec().getIngress().stream()
                    .flatMap(rule -> rule.getFrom().stream())
                    .forEach(from -> selected(manifests, from.getPodSelector().getMatchLabels()));
        });
        manifests
                .all(StatefulSet.class)
                .forEach(each -> assertEquals(
                        each.getSpec().getSelector().getMatchLabels(),
                        manifests
                                .the(Service.class, each.getSpec().getServiceName())
                                .getSpec()
                                .getSelector()));
    }

    /** Returns the only workload whose pods have these labels. */
    private static Manifests.Workload selected(Manifests manifests, Map<String, String> labels) {
        List<Manifests.Workload> found = manifests.workloads().stream()
                .filter(each -> each.hasLabels(labels))
                .toList();
        assertEquals(1, found.size(), labels::toString);
        return found.get(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void portReferencesResolve(String folder) {
        Manifests manifests = Manifests.read(folder);
        for (Manifests.Workload workload : manifests.workloads()) {
            Container container = workload.container();
            Stream.of(container.getStartupProbe(), container.getLivenessProbe(), container.getReadinessProbe())
                    .filter(probe -> probe != null)
                    .map(ManifestsTest::port)
                    .forEach(workload::port);
            assertEquals(
                    container.getPorts().size(),
                    container.getPorts().stream()
                            .map(ContainerPort::getContainerPort)
                            .distinct()
                            .count());
        }
        manifests.all(Service.class).forEach(service -> service.getSpec()
                .getPorts()
                .forEach(port -> selected(manifests, service.getSpec().getSelector())
                        .port(port.getTargetPort().getStrVal())));
        manifests.all(NetworkPolicy.class).forEach(policy -> policy.getSpec().getIngress().stream()
                .flatMap(rule -> rule.getPorts().stream())
                .map(NetworkPolicyPort::getPort)
                .forEach(port -> selected(
                                manifests, policy.getSpec().getPodSelector().getMatchLabels())
                        .port(port.getStrVal())));
        Manifests.Workload orders = manifests.workload("orders");
        assertEquals(8080, orders.port("http"), "the default of Micronaut, because micronaut.server.port is not set");
        assertEquals(settings(manifests).at("/endpoints/all/port").asInt(), orders.port("management"));
    }

    private static String port(Probe probe) {
        return (probe.getHttpGet() != null
                        ? probe.getHttpGet().getPort()
                        : probe.getTcpSocket().getPort())
                .getStrVal();
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void mountedFilesAndSecretsExist(String folder) {
        Manifests manifests = Manifests.read(folder);
        for (Manifests.Workload workload : manifests.workloads()) {
            assertEquals(
                    workload.template().getSpec().getVolumes().stream()
                            .map(Volume::getName)
                            .collect(Collectors.toSet()),
                    workload.container().getVolumeMounts().stream()
                            .map(VolumeMount::getName)
                            .collect(Collectors.toSet()));
            for (Volume volume : workload.template().getSpec().getVolumes()) {
                if (volume.getConfigMap() != null) {
                    manifests.the(ConfigMap.class, volume.getConfigMap().getName());
                }
                if (volume.getSecret() != null) {
                    Secret secret =
                            manifests.the(Secret.class, volume.getSecret().getSecretName());
                    volume.getSecret()
                            .getItems()
                            .forEach(item -> assertTrue(secret.getStringData().containsKey(item.getKey())));
                }
            }
            workload.container().getEnv().stream()
                    .filter(variable -> variable.getValueFrom() != null)
                    .forEach(variable -> {
                        SecretKeySelector key = variable.getValueFrom().getSecretKeyRef();
                        assertTrue(manifests
                                .the(Secret.class, key.getName())
                                .getStringData()
                                .containsKey(key.getKey()));
                    });
        }
        Manifests.Workload orders = manifests.workload("orders");
        VolumeMount config = orders.container().getVolumeMounts().get(0);
        assertEquals("config", config.getName());
        Set<String> files = manifests.the(ConfigMap.class, "orders").getData().keySet().stream()
                .map(file -> config.getMountPath() + "/" + file)
                .collect(Collectors.toSet());
        assertTrue(files.contains(variables(orders).get("MICRONAUT_CONFIG_FILES")));
        JsonNode named = settings(manifests).at("/ratelimit/hazelcast/config");
        assertTrue(named.isMissingNode() || files.contains(named.asText().replace("file:", "")), named::toString);
    }

    private static Map<String, String> variables(Manifests.Workload workload) {
        return workload.container().getEnv().stream()
                .filter(each -> each.getValue() != null)
                .collect(Collectors.toMap(EnvVar::getName, EnvVar::getValue));
    }

    private static JsonNode settings(Manifests manifests) {
        return Manifests.tree(manifests.the(ConfigMap.class, "orders").getData().get("application.yml"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void settingsAreKnown(String folder) {
        Manifests manifests = Manifests.read(folder);
        Set<String> unknown = new TreeSet<>(SettingNames.of(settings(manifests)));
        manifests.workload("orders").container().getEnv().stream()
                .map(EnvVar::getName)
                .filter(name -> !name.equals("JAVA_TOOL_OPTIONS") && !name.equals("MICRONAUT_CONFIG_FILES"))
                .map(name -> name.toLowerCase().replace('_', '.'))
                .forEach(unknown::add);
        unknown.removeIf(SettingNames::isKnown);
        assertEquals(Set.of(), unknown);
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void instancesEqualReplicas(String folder) {
        Manifests manifests = Manifests.read(folder);
        assertEquals(
                settings(manifests).at("/ratelimit/instances").asInt(),
                manifests.workload("orders").replicas());
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void terminationGracePeriodIsLongEnough(String folder) {
        Manifests manifests = Manifests.read(folder);
        Manifests.Workload orders = manifests.workload("orders");
        String grace = settings(manifests)
                .at("/micronaut/lifecycle/graceful-shutdown/grace-period")
                .asText();
        long needed = orders.container().getLifecycle().getPreStop().getSleep().getSeconds()
                + Duration.parse("PT" + grace).toSeconds();
        String members = manifests.the(ConfigMap.class, "orders").getData().get("hazelcast.yaml");
        if (members != null) {
            needed += Manifests.tree(members)
                    .at("/hazelcast/properties")
                    .get("hazelcast.graceful.shutdown.max.wait")
                    .asLong();
        }
        long given = orders.template().getSpec().getTerminationGracePeriodSeconds();
        assertTrue(given >= needed + 5, given + " s given, " + needed + " s needed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"redis", "hazelcast"})
    void podsHaveMinimalRights(String folder) {
        for (Manifests.Workload workload : Manifests.read(folder).workloads()) {
            assertFalse(workload.template().getSpec().getAutomountServiceAccountToken());
            assertFalse(workload.template().getSpec().getEnableServiceLinks());
            assertTrue(workload.template().getSpec().getSecurityContext().getRunAsNonRoot());
            assertEquals(
                    Set.of("ALL"),
                    new HashSet<>(workload.container()
                            .getSecurityContext()
                            .getCapabilities()
                            .getDrop()));
            assertTrue(workload.container().getSecurityContext().getReadOnlyRootFilesystem());
            assertFalse(workload.container().getSecurityContext().getAllowPrivilegeEscalation());
            assertEquals(
                    workload.container().getResources().getRequests().get("memory"),
                    workload.container().getResources().getLimits().get("memory"));
        }
    }
}
