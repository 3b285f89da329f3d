package io.github.micronautratelimit.examples.distributed;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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

/** The objects that the files of a folder describe. A property that Kubernetes does not know is refused. */
final class Manifests {

    private static final Path FOLDER = Path.of("kubernetes");
    private static final Map<String, Class<? extends HasMetadata>> KINDS = Stream.of(ConfigMap.class, Secret.class,
            Service.class, Deployment.class, StatefulSet.class, PodDisruptionBudget.class, NetworkPolicy.class)
            .collect(Collectors.toMap(Class::getSimpleName, type -> type));
    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory())
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .setAnnotationIntrospector(new JacksonAnnotationIntrospector() {
                private static final long serialVersionUID = 1;

                /** The model would keep what it does not know. */
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

    /** Reads the files that the folder's kustomization names. */
    static Manifests read(String name) {
        Manifests manifests = new Manifests(FOLDER.resolve(name));
        manifests.named().forEach(manifests::add);
        return manifests;
    }

    private void add(String file) {
        try (YAMLParser parser = new YAMLFactory().createParser(folder.resolve(file).toFile());
                MappingIterator<JsonNode> documents = YAML.readValues(parser, JsonNode.class)) {
            while (documents.hasNext()) {
                JsonNode document = documents.next();
                HasMetadata object = YAML.treeToValue(document, KINDS.get(document.get("kind").asText()));
                assertEquals(HasMetadata.getApiVersion(object.getClass()), document.get("apiVersion").asText());
                objects.add(object);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A document in YAML, such as a configuration within a manifest. */
    static JsonNode tree(String yaml) {
        try {
            return YAML.readTree(yaml);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The files that are there, the kustomization apart. */
    List<String> files() {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(file -> !file.equals("kustomization.yaml"))
                    .sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The files that the kustomization names. */
    List<String> named() {
        try {
            List<String> named = new ArrayList<>();
            YAML.readTree(folder.resolve("kustomization.yaml").toFile()).get("resources")
                    .forEach(file -> named.add(file.asText()));
            return named.stream().sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All objects of a kind. */
    <T extends HasMetadata> List<T> all(Class<T> kind) {
        return objects.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** The object of a kind and a name. */
    <T extends HasMetadata> T the(Class<T> kind, String name) {
        return all(kind).stream().filter(object -> object.getMetadata().getName().equals(name)).findFirst()
                .orElseThrow(() -> new AssertionError("There is no " + kind.getSimpleName() + " " + name + "."));
    }

    /** What runs pods. */
    List<Workload> workloads() {
        return Stream.concat(
                all(Deployment.class).stream().map(each -> new Workload(each.getMetadata().getName(),
                        each.getSpec().getReplicas(), each.getSpec().getSelector(), each.getSpec().getTemplate())),
                all(StatefulSet.class).stream().map(each -> new Workload(each.getMetadata().getName(),
                        each.getSpec().getReplicas(), each.getSpec().getSelector(), each.getSpec().getTemplate())))
                .toList();
    }

    /** The one of a name. */
    Workload workload(String name) {
        return workloads().stream().filter(each -> each.name().equals(name)).findFirst().orElseThrow();
    }

    /** A Deployment or StatefulSet with pods of one container. */
    record Workload(String name, int replicas, LabelSelector selector, PodTemplateSpec template) {

        Container container() {
            return template.getSpec().getContainers().get(0);
        }

        /** The number of the port of a name. */
        int port(String port) {
            return container().getPorts().stream().filter(each -> each.getName().equals(port)).findFirst()
                    .orElseThrow(() -> new AssertionError(name + " has no port " + port + ".")).getContainerPort();
        }

        boolean hasLabels(Map<String, String> labels) {
            return !labels.isEmpty() && template.getMetadata().getLabels().entrySet().containsAll(labels.entrySet());
        }
    }
}
