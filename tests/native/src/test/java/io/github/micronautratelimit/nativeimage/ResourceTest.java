package io.github.micronautratelimit.nativeimage;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.ResourceBundle;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Checks that a native image contains every resource of a module, and that every listed resource exists. */
class ResourceTest {

    /**
     * Files that our code does not read at run time: the metadata itself, files of Maven, and property metadata for
     * editors. The native image builder collects services by itself, and Micronaut collects references to beans.
     */
    private static final Pattern NOT_OURS_TO_LIST =
            Pattern.compile("META-INF/(native-image/.*|maven/.*|MANIFEST\\.MF|LICENSE|NOTICE"
                    + "|(spring-configuration-metadata|config-properties)\\.json|services/.*|micronaut/.*)");

    private static List<Published> modules() {
        return Published.all();
    }

    @ParameterizedTest
    @MethodSource("modules")
    void everyResourceIsListed(Published module) {
        List<Pattern> listed = patterns(module);
        List<String> missing = module.resources().stream()
                .filter(name -> !NOT_OURS_TO_LIST.matcher(name).matches())
                .filter(name -> listed.stream()
                        .noneMatch(pattern -> pattern.matcher(name).matches()))
                .toList();

        assertEquals(List.of(), missing, "List them in " + module.metadata() + "/resource-config.json.");
    }

    @ParameterizedTest
    @MethodSource("modules")
    void everyPatternNamesAResource(Published module) {
        for (Pattern pattern : patterns(module)) {
            assertTrue(
                    module.resources().stream()
                            .anyMatch(name -> pattern.matcher(name).matches()),
                    module.artifact() + " has no resource " + pattern);
        }
        for (String bundle : Metadata.of(module).bundles()) {
            assertDoesNotThrow(() -> ResourceBundle.getBundle(bundle), module.artifact());
        }
    }

    @ParameterizedTest
    @MethodSource("modules")
    void noPatternMatchesClasses(Published module) {
        for (Pattern pattern : patterns(module)) {
            assertFalse(
                    module.classes().stream()
                            .anyMatch(file -> pattern.matcher(module.name(file)).matches()),
                    module.artifact() + ": " + pattern);
        }
    }

    private static List<Pattern> patterns(Published module) {
        return Metadata.of(module).resources().stream().map(Pattern::compile).toList();
    }
}
