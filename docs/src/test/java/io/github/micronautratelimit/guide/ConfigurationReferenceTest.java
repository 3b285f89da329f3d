package io.github.micronautratelimit.guide;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micronaut.core.naming.NameUtils;
import io.micronaut.core.type.Argument;
import io.micronaut.json.JsonMapper;
import io.micronaut.runtime.ApplicationConfiguration;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Checks that the reference lists all settings of the modules' metadata with their defaults. With
 * {@code -Dguide.write=true}, it writes the reference.
 */
class ConfigurationReferenceTest {

    private static final Path REFERENCE = Path.of("configuration-reference.adoc");
    private static final List<String> MODULES = List.of(
            "micronaut-ratelimit",
            "micronaut-ratelimit-management",
            "backend-redis",
            "backend-hazelcast",
            "backend-dynamodb");
    /** Settings whose defaults depend on the application. */
    private static final Set<String> DIFFERENT = Set.of("ratelimit.namespace", "ratelimit.memory.max-keys");

    private List<Setting> settings;

    @BeforeEach
    void readMetadata() throws Exception {
        settings = new ArrayList<>();
        for (String module : MODULES) {
            Map<String, List<Map<String, String>>> metadata = JsonMapper.createDefault()
                    .readValue(
                            Files.readString(Path.of(
                                    "..", module, "target/classes/META-INF/spring-configuration-metadata.json")),
                            Argument.mapOf(
                                    Argument.STRING, Argument.listOf(Argument.mapOf(String.class, String.class))));
            for (Map<String, String> property : metadata.get("properties")) {
                Class<?> owner = Class.forName(property.get("sourceType"));
                settings.add(new Setting(
                        property.get("name"),
                        type(property.get("type")),
                        owner,
                        described(property.get("description"), owner)));
            }
        }
    }

    private static String described(String text, Class<?> owner) throws ReflectiveOperationException {
        Matcher constant = Pattern.compile("\\{@value #(\\w+)}").matcher(text.replaceAll("\\s+", " "));
        if (!constant.find()) {
            return text.replaceAll("\\s+", " ");
        }
        Field field = owner.getDeclaredField(constant.group(1));
        field.setAccessible(true);
        return constant.replaceFirst(field.get(null).toString());
    }

    private static Class<?> type(String name) throws ClassNotFoundException {
        return switch (name) {
            case "boolean" -> boolean.class;
            case "int" -> int.class;
            case "long" -> long.class;
            case "double" -> double.class;
            default -> Class.forName(name);
        };
    }

    @Test
    void referenceListsEverySetting() throws IOException {
        String text = reference();
        if (Boolean.getBoolean("guide.write")) {
            Files.writeString(REFERENCE, text);
        }
        assertEquals(text, Files.readString(REFERENCE), "write the reference with -Dguide.write=true");
    }

    private String reference() {
        Map<String, StringBuilder> sections = new LinkedHashMap<>();
        sections.put("ratelimit", new StringBuilder());
        for (Setting setting : settings) {
            sections.computeIfAbsent(setting.prefix(), prefix -> new StringBuilder())
                    .append("|`+")
                    .append(setting.property())
                    .append("+`\n|")
                    .append(setting.values())
                    .append("\n|")
                    .append(setting.defaultText())
                    .append("\n|")
                    .append(setting.meaning())
                    .append("\n\n");
        }
        StringBuilder text = new StringBuilder(
                """
                [#configuration-reference]
                = All settings

                // Generated from the Javadoc of the settings by ConfigurationReferenceTest with -Dguide.write=true.

                An editor that reads the metadata in the jars offers the same settings. NAME stands for the name of a
                policy, N for a number from 0.
                """);
        sections.forEach((prefix, rows) -> text.append("\n[#settings-")
                .append(prefix.replaceAll("\\W+", "-").toLowerCase().replaceAll("-$", ""))
                .append("]\n== `+")
                .append(prefix)
                .append("+`\n\n[cols=\"2,2,2,5\",options=\"header\"]\n|===\n")
                .append("|Setting |Value |Default |Meaning\n\n")
                .append(rows.substring(0, rows.length() - 1))
                .append("|===\n"));
        return text.toString();
    }

    @Test
    void everySettingHasAMeaningAndADefaultOrIsRequired() {
        for (Setting setting : settings) {
            assertTrue(setting.meaning().length() > 20, setting::name);
            assertTrue(!setting.defaultText().isEmpty() || setting.meaning().endsWith("Required."), setting::name);
            assertTrue(!setting.values().startsWith("?"), setting::values);
        }
    }

    @Test
    void defaultsAreThoseOfTheCode() throws ReflectiveOperationException {
        List<String> compared = new ArrayList<>();
        for (Setting setting : settings) {
            Optional<String> value = defaultValue(setting);
            if (value.isPresent()
                    && !DIFFERENT.contains(setting.name())
                    && !setting.meaning().endsWith("Required.")) {
                assertEquals(value, setting.literal(), setting.name());
                compared.add(setting.name());
            } else {
                assertEquals(Optional.empty(), setting.literal(), setting.name());
            }
        }
        assertTrue(
                compared.containsAll(
                        List.of("ratelimit.status", "ratelimit.exclude-defaults", "ratelimit.dynamodb.timeout")),
                compared::toString);
    }

    /** Returns the value of the getter without configuration, as text. */
    private static Optional<String> defaultValue(Setting setting) throws ReflectiveOperationException {
        String property = NameUtils.capitalize(NameUtils.camelCase(setting.property(), false));
        for (Method method : setting.owner().getDeclaredMethods()) {
            if (Set.of("get" + property, "is" + property).contains(method.getName())) {
                method.setAccessible(true);
                return Optional.ofNullable(method.invoke(unconfigured(setting.owner())))
                        .flatMap(ConfigurationReferenceTest::text);
            }
        }
        return Optional.empty();
    }

    private static Object unconfigured(Class<?> owner) throws ReflectiveOperationException {
        Constructor<?> constructor = owner.getDeclaredConstructors()[0];
        constructor.setAccessible(true);
        return constructor.newInstance(Arrays.stream(constructor.getParameterTypes())
                .map(type -> type == String.class
                        ? (Object) "name"
                        : type == Integer.class ? (Object) 0 : new ApplicationConfiguration())
                .toArray());
    }

    private static Optional<String> text(Object value) {
        if (value instanceof Optional<?> optional) {
            return optional.flatMap(ConfigurationReferenceTest::text);
        }
        if (value instanceof Collection<?> list) {
            return list.isEmpty() ? Optional.empty() : Optional.of(list.toString());
        }
        if (value instanceof Duration duration) {
            return Optional.of(
                    duration.toMillis() % 1000 == 0 ? duration.toSeconds() + "s" : duration.toMillis() + "ms");
        }
        return Stream.of(value)
                .map(it -> it instanceof Enum<?> ? Setting.text(it) : it.toString())
                .filter(it -> !it.isEmpty())
                .findFirst();
    }
}
