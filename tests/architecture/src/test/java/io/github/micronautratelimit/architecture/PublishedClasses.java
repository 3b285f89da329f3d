package io.github.micronautratelimit.architecture;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.stream.Stream;

/** The compiled classes of the published modules, without those that annotation processors generate. */
final class PublishedClasses {

    static final String ROOT = "io.github.micronautratelimit";

    static final JavaClasses ALL = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages(ROOT)
            .that(DescribedPredicate.describe("written by hand", PublishedClasses::isWritten));

    private PublishedClasses() {}

    private static boolean isWritten(JavaClass type) {
        return !type.getName().contains("$Definition")
                && !type.getName().contains("$Introspection")
                && !type.getName().contains("$Intercepted")
                && !type.getSimpleName().startsWith("$")
                && !type.getPackageName().startsWith(ROOT + ".architecture");
    }

    /** Returns the top-level class that contains a class. */
    static JavaClass topLevel(JavaClass type) {
        return type.getEnclosingClass().map(PublishedClasses::topLevel).orElse(type);
    }

    /** Returns the public top-level types that users may depend on. */
    static Stream<JavaClass> publicTypes() {
        return ALL.stream().filter(type -> type.getEnclosingClass().isEmpty()).filter(PublishedClasses::isPublicApi);
    }

    static boolean isPublicApi(JavaClass type) {
        return type.getModifiers().contains(JavaModifier.PUBLIC)
                && !type.getPackageName().contains(".internal")
                && !type.isAnnotatedWith("io.micronaut.core.annotation.Internal");
    }
}
