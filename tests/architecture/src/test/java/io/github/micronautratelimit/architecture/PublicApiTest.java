package io.github.micronautratelimit.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Compares the public API with a committed list, so that no change of it goes unnoticed. {@code -Dapi.write=true}
 * writes the list again.
 */
class PublicApiTest {

    private static final Path LIST = Path.of("src/test/resources/public-api.txt");
    private static final Path DESIGN = Path.of("../../docs/design.md");
    private static final int MAX_CORE_TYPES = 44;
    private static final List<String> CORE_PACKAGES = List.of("", ".limit", ".guard", ".hotkey", ".observe", ".memory");

    @Test
    void publicApiIsTheCommittedList() throws IOException {
        List<String> actual = new ArrayList<>();
        PublishedClasses.ALL.stream()
                .filter(PublicApiTest::isVisible)
                .sorted((a, b) -> a.getName().compareTo(b.getName()))
                .forEach(type -> {
                    actual.add(type.getName());
                    members(type).forEach(member -> actual.add("  " + member));
                });
        if (Boolean.getBoolean("api.write")) {
            Files.write(LIST, actual);
        }
        assertEquals(
                String.join("\n", Files.readAllLines(LIST)),
                String.join("\n", actual),
                "The public API has changed; if that is meant, run this test with -Dapi.write=true.");
    }

    @Test
    void eachPublicTypeOfCoreHasItsReasonInTheDesign() throws IOException {
        List<String> types = PublishedClasses.publicTypes()
                .filter(type -> CORE_PACKAGES.contains(type.getPackageName().substring(PublishedClasses.ROOT.length())))
                .map(JavaClass::getSimpleName)
                .filter(name -> !name.equals("package-info"))
                .sorted()
                .toList();
        assertTrue(types.size() <= MAX_CORE_TYPES, () -> types.size() + " public types: " + types);
        String design = Files.readString(DESIGN);
        List<String> missing = types.stream()
                .filter(type -> !design.contains("| `" + type + "` |"))
                .toList();
        assertEquals(List.of(), missing, "docs/design.md names no reason for these public types.");
    }

    /** Returns whether users can name the class: it and all classes around it are public and not internal. */
    private static boolean isVisible(JavaClass type) {
        return PublishedClasses.isPublicApi(type)
                && !type.isAnonymousClass()
                && type.getEnclosingClass().map(PublicApiTest::isVisible).orElse(true)
                && !type.getSimpleName().equals("package-info");
    }

    private static TreeSet<String> members(JavaClass type) {
        return type.getMembers().stream()
                .filter(PublicApiTest::isVisible)
                .map(PublicApiTest::signature)
                .collect(Collectors.toCollection(TreeSet::new));
    }

    private static boolean isVisible(JavaMember member) {
        return (member.getModifiers().contains(JavaModifier.PUBLIC)
                        || member.getModifiers().contains(JavaModifier.PROTECTED))
                && !member.getModifiers().contains(JavaModifier.SYNTHETIC)
                && !member.getName().equals("<clinit>");
    }

    private static String signature(JavaMember member) {
        if (!(member instanceof JavaCodeUnit code)) {
            return member.getName();
        }
        return code.getName()
                + code.getRawParameterTypes().stream()
                        .map(JavaClass::getSimpleName)
                        .collect(Collectors.joining(", ", "(", ")"))
                + ": "
                + code.getRawReturnType().getSimpleName();
    }
}
