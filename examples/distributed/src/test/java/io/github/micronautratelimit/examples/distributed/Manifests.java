package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.PodTemplateSpec;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.apps.StatefulSet;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The objects in the files of a folder. A property that Kubernetes does not know is an error. */
final class Manifests {

    private static final Path FOLDER = Path.of("kubernetes");
    private static final Map<String, Class<? extends HasMetadata>> KINDS = Stream.of(
                    ConfigMap.class,
                    Secret.class,
                    Service.class,
                    Deployment.class,
                    StatefulSet.class,
                    PodDisruptionBudget.class,
                    NetworkPolicy.class)
            .collect(Collectors.toMap(Class::getSimpleName, type -> type));
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory())
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .setAnnotationIntrospector(new JacksonAnnotationIntrospector() {
                private static final long serialVersionUID = 1;

                /** The model would otherwise accept unknown properties. */
                @Override
                public Boolean hasAnySetter(Annotated method) {
                    return false;
                }
            });

    private final Path folder;
    private final List<HasMetadata> objects = new ArrayList<>();

    private Manifests(Path folder) {
        this.folder = folder;
    }

    /** Reads the files that the kustomization of a folder lists. */
    static Manifests read(String name) {
        Manifests manifests = new Manifests(FOLDER.resolve(name));
        manifests.listed().forEach(manifests::add);
        return manifests;
    }

    private void add(String file) {
        try (YAMLParser parser =
                        new YAMLFactory().createParser(folder.resolve(file).toFile());
                MappingIterator<JsonNode> documents = YAML.readValues(parser, JsonNode.class)) {
            while (documents.hasNext()) {
                JsonNode document = documents.next();
                HasMetadata object = YAML.treeToValue(
                        document, KINDS.get(document.get("kind").asText()));
                assertEquals(
                        HasMetadata.getApiVersion(object.getClass()),
                        document.get("apiVersion").asText());
                objects.add(object);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Parses a YAML document, such as a configuration in a manifest. */
    static JsonNode tree(String yaml) {
        try {
            return YAML.readTree(yaml);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the names of all files except the kustomization. */
    List<String> files() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> !file.equals("kustomization.yaml"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns the names of the files that the kustomization lists. */
    List<String> listed() {
        try {
            List<String> listed = new ArrayList<>();
            YAML.readTree(folder.resolve("kustomization.yaml").toFile())
                    .get("resources")
                    .forEach(file -> listed.add(file.asText()));
            return listed.stream().sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Returns all objects of a kind. */
    <T extends HasMetadata> List<T> all(Class<T> kind) {
        return objects.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** Returns the object with a kind and a name. */
    <T extends HasMetadata> T the(Class<T> kind, String name) {
        return all(kind).stream()
                .filter(object -> object.getMetadata().getName().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError(
                        "The " + kind.getSimpleName() + " " + name + " is missing in " + folder + "."));
    }

    /** Returns all Deployments and StatefulSets. */
    List<Workload> workloads() {
        return Stream.concat(
                        all(Deployment.class).stream()
                                .map(each -> new Workload(
                                        each.getMetadata().getName(),
                                        each.getSpec().getReplicas(),
                                        each.getSpec().getSelector(),
                                        each.getSpec().getTemplate())),
                        all(StatefulSet.class).stream()
                                .map(each -> new Workload(
                                        each.getMetadata().getName(),
                                        each.getSpec().getReplicas(),
                                        each.getSpec().getSelector(),
                                        each.getSpec().getTemplate())))
                .toList();
    }

    /** Returns the workload with a name. */
    Workload workload(String name) {
        return workloads().stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /** A Deployment or StatefulSet with pods of one container. */
    record Workload(String name, int replicas, LabelSelector selector, PodTemplateSpec template) {

        Container container() {
            return template.getSpec().getContainers().get(0);
        }

        /** Returns the number of the port with a name. */
        int port(String port) {
            return container().getPorts().stream()
                    .filter(each -> each.getName().equals(port))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError(name + " has no port " + port + "."))
                    .getContainerPort();
        }

        boolean hasLabels(Map<String, String> labels) {
            return !labels.isEmpty()
                    && template.getMetadata().getLabels().entrySet().containsAll(labels.entrySet());
        }
    }
}
