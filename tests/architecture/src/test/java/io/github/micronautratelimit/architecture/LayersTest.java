package io.github.micronautratelimit.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static io.github.micronautratelimit.architecture.PublishedClasses.ALL;
import static io.github.micronautratelimit.architecture.PublishedClasses.ROOT;

import org.junit.jupiter.api.Test;

/** The layers of docs/design.md. */
class LayersTest {

    private static final String[] LAYERS_OF_CORE = {
        ROOT + ".guard..", ROOT + ".hotkey..", ROOT + ".observe..", ROOT + ".memory.."
    };

    @Test
    void limitsDependOnNothingButInternal() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".limit")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", "org.jspecify..", ROOT + ".limit", ROOT + ".internal")
                .check(ALL);
    }

    @Test
    void internalDependsOnNothingOfOurs() {
        classes()
                .that()
                .resideInAPackage(ROOT + ".internal")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", "org.jspecify..", "org.slf4j..", ROOT + ".internal")
                .check(ALL);
    }

    @Test
    void onlyTheBuilderKnowsTheLayersOfTheLimiter() {
        noClasses()
                .that()
                .resideInAPackage(ROOT)
                .and()
                .haveNameNotMatching(".*RateLimiterBuilder(\\$.*)?")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(LAYERS_OF_CORE)
                .check(ALL);
    }

    @Test
    void guardAndHotkeyShareOnlyTheMemoryBackend() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".guard")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(ROOT + ".hotkey", ROOT + ".observe")
                .check(ALL);
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".hotkey")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(ROOT + ".guard", ROOT + ".observe")
                .check(ALL);
        noClasses()
                .that()
                .resideInAnyPackage(ROOT + ".memory", ROOT + ".observe")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(ROOT + ".guard", ROOT + ".hotkey")
                .check(ALL);
    }

    @Test
    void limitsHaveNoClockNoThreadsAndNoInput() {
        noClasses()
                .that()
                .resideInAPackage(ROOT + ".limit")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("java.io..", "java.nio..", "java.net..", "java.util.concurrent..")
                .orShould()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .check(ALL);
    }

    @Test
    void backendsKnowNoHttp() {
        noClasses()
                .that()
                .resideInAnyPackage(ROOT + ".redis..", ROOT + ".hazelcast..", ROOT + ".dynamodb..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.micronaut.http..", ROOT + ".web..", ROOT + ".http..")
                .check(ALL);
    }

    @Test
    void backendsUseMicronautOnlyForTheirFactories() {
        noClasses()
                .that()
                .resideInAnyPackage(ROOT + ".redis..", ROOT + ".hazelcast..", ROOT + ".dynamodb..")
                .and()
                .haveNameNotMatching(
                        ".*(Factory|Configuration|Check|Condition|Configured|Health|Initializer|Location|Options|Resource)"
                                + "(\\$.*)?")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.micronaut..")
                .check(ALL);
    }

    @Test
    void coreAndWebKnowNoFramework() {
        noClasses()
                .that()
                .resideInAnyPackage(
                        ROOT,
                        ROOT + ".limit",
                        ROOT + ".guard",
                        ROOT + ".hotkey",
                        ROOT + ".observe",
                        ROOT + ".memory",
                        ROOT + ".internal",
                        ROOT + ".web",
                        ROOT + ".servlet")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.micronaut..")
                .check(ALL);
    }

    @Test
    void packagesFormNoCycle() {
        slices().matching(ROOT + ".(*)..").should().beFreeOfCycles().check(ALL);
    }
}
