package io.github.micronautratelimit.nativeimage;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import com.hazelcast.spi.merge.SplitBrainMergePolicy;
import io.netty.channel.ChannelHandler;
import java.io.File;
import java.io.Serializable;
import java.lang.invoke.VarHandle;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.NodeList;

/** Checks that the native image metadata of the modules is correct, complete and in the right place. */
class MetadataTest {

    private static final Set<String> FILES = Set.of("reflect-config.json", "resource-config.json", "proxy-config.json");

    /** A command line, and a library for tests. */
    private static final Set<String> NOT_IN_APPLICATIONS = Set.of("ratelimit-simulator", "micronaut-ratelimit-test");

    private static List<Published> modules() {
        return Published.all();
    }

    @Test
    void modulesAreThoseOfTheBom() throws Exception {
        NodeList names = (NodeList) XPathFactory.newInstance()
                .newXPath()
                .evaluate(
                        "/project/dependencyManagement/dependencies/dependency/artifactId",
                        DocumentBuilderFactory.newInstance()
                                .newDocumentBuilder()
                                .parse(new File("../../ratelimit-bom/pom.xml")),
                        XPathConstants.NODESET);
        Set<String> published = new TreeSet<>();
        for (int i = 0; i < names.getLength(); i++) {
            published.add(names.item(i).getTextContent());
        }
        published.removeAll(NOT_IN_APPLICATIONS);
        assertEquals(
                published,
                new TreeSet<>(modules().stream().map(Published::artifact).toList()));
    }

    @ParameterizedTest
    @MethodSource("modules")
    void metadataIsInTheFolderOfGroupAndArtifact(Published module) {
        for (Path file : Published.filesUnder(module.root().resolve("META-INF/native-image"))) {
            assertEquals(module.metadata(), file.getParent());
            assertTrue(FILES.contains(file.getFileName().toString()), file + " has no test");
            assertFalse(Metadata.read(file).isEmpty(), file.toString());
        }
    }

    @ParameterizedTest
    @MethodSource("modules")
    void namedClassesAndMembersExist(Published module) throws Exception {
        for (JsonNode entry : Metadata.of(module).types()) {
            Class<?> type = load(entry.get("name").textValue());
            for (JsonNode field : Metadata.list(entry.path("fields"))) {
                assertDoesNotThrow(() -> type.getDeclaredField(field.get("name").textValue()));
            }
            for (JsonNode method : Metadata.list(entry.path("methods"))) {
                assertEquals("<init>", method.get("name").textValue());
                assertTrue(method.get("parameterTypes").isEmpty());
                assertDoesNotThrow(() -> type.getDeclaredConstructor());
            }
            JsonNode condition = entry.path("condition").path("typeReachable");
            if (!condition.isMissingNode()) {
                load(condition.textValue());
            }
        }
    }

    /** {@code Cell} looks up fields by a name that is a parameter, so {@link DynamicUses} cannot see it. */
    @Test
    void fieldsOfCellAreListed() throws Exception {
        Class<?> cell = load("io.github.micronautratelimit.memory.Cell");
        Set<String> listed = new TreeSet<>();
        Metadata.list(Metadata.onType(cell.getName()).get(0).get("fields"))
                .forEach(field -> listed.add(field.get("name").textValue()));
        Set<String> handles = new TreeSet<>();
        for (Field field : cell.getDeclaredFields()) {
            if (field.getType() == VarHandle.class) {
                handles.add(field.getName().toLowerCase(Locale.ROOT));
            }
        }

        assertEquals(handles, listed);
    }

    /** Caffeine selects classes by the features of a cache. Our caches use two kinds, see {@link ReflectionTest}. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void classesOfOurCachesAreListed(boolean withListener) throws Exception {
        Caffeine<Object, Object> builder = Caffeine.newBuilder().maximumSize(1).executor(Runnable::run);
        if (withListener) {
            builder.removalListener((key, value, cause) -> {});
        }
        Cache<String, String> cache = builder.build();
        cache.put("key", "value");
        Class<?> kind = cache.asMap().getClass();
        Field data = Class.forName("com.github.benmanes.caffeine.cache.BoundedLocalCache")
                .getDeclaredField("data");
        data.setAccessible(true);
        Object node = ((Map<?, ?>) Objects.requireNonNull(data.get(cache.asMap())))
                .values()
                .iterator()
                .next();

        for (Class<?> lookedUp : List.of(kind, node.getClass())) {
            assertTrue(
                    Metadata.onType(lookedUp.getName()).stream().anyMatch(entry -> entry.path("allDeclaredConstructors")
                            .asBoolean()),
                    lookedUp + " is not listed");
        }
    }

    /** Netty checks each method of a handler for an annotation that allows it to skip the method. */
    @Test
    void nettyHandlersAreListed() throws Exception {
        Set<String> handlers = new TreeSet<>();
        for (Class<?> type : all()) {
            if (ChannelHandler.class.isAssignableFrom(type)) {
                handlers.add(type.getName());
                assertTrue(
                        Metadata.onType(type.getName()).stream().anyMatch(entry -> entry.path("queryAllPublicMethods")
                                .asBoolean()),
                        type + " is not listed");
            }
        }
        assertEquals(4, handlers.size(), handlers::toString);
    }

    /** A proxy of several versions of Kafka's clients implements their interface. */
    @Test
    void proxiedInterfacesExist() throws Exception {
        Published module = modules().stream()
                .filter(published -> published.artifact().equals("micronaut-ratelimit"))
                .findFirst()
                .orElseThrow();
        List<JsonNode> proxies = Metadata.list(Metadata.read(module.metadata().resolve("proxy-config.json")));
        assertEquals(1, proxies.size());
        for (JsonNode name : Metadata.list(proxies.get(0).get("interfaces"))) {
            assertTrue(load(name.textValue()).isInterface(), name.textValue());
        }
    }

    /** Hazelcast creates merge policies by name. */
    @Test
    void mergePoliciesAreListed() throws Exception {
        List<Class<?>> policies = all().stream()
                .filter(SplitBrainMergePolicy.class::isAssignableFrom)
                .toList();

        assertEquals(1, policies.size());
        assertEquals(1, Metadata.onType(policies.get(0).getName()).size());
    }

    /** Objects for other members serialize themselves. Java serialization would need an entry for each class. */
    @Test
    void classesDoNotUseJavaSerialization() throws Exception {
        for (Class<?> type : all()) {
            boolean serializable = Stream.of(type.getInterfaces()).anyMatch(Serializable.class::isAssignableFrom);
            assertTrue(
                    !serializable || IdentifiedDataSerializable.class.isAssignableFrom(type),
                    type + " uses Java serialization");
        }
    }

    private static List<Class<?>> all() throws ClassNotFoundException {
        Stream.Builder<Class<?>> types = Stream.builder();
        for (Published module : modules()) {
            for (Path file : module.classes()) {
                String name = module.name(file).replace('/', '.').replaceFirst("\\.class$", "");
                if (!name.endsWith("package-info")) {
                    types.add(load(name));
                }
            }
        }
        return types.build().toList();
    }

    private static Class<?> load(String name) throws ClassNotFoundException {
        return Class.forName(name, false, MetadataTest.class.getClassLoader());
    }
}
