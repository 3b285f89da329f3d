package io.github.micronautratelimit.nativeimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

/** Nothing is looked up by name at run time but what is named here, and a native image knows of it. */
class ReflectionTest {

    private static final String OURS = "io.github.micronautratelimit.";
    private static final String NO_LOOK_UP = "a text to tell things apart by; nothing is looked up by it";
    private static final String LISTED = "its resources are listed in the module's resource-config.json";

    /** Each use with the reason a native image is right with it. */
    private static final Map<String, String> KNOWN = Map.ofEntries(
            use("memory.Cell.handle: java.lang.invoke.MethodHandles$Lookup.findVarHandle",
                    "ratelimit-core's reflect-config.json names the fields"),
            use("PermitLeaseTable.<init>: com.github.benmanes.caffeine.cache.Caffeine.removalListener",
                    "ratelimit-core's reflect-config.json names the class of such a cache"),
            use("redis.Script.of: java.lang.Class.getResourceAsStream", LISTED),
            use("management.DashboardEndpoint.text: java.lang.Class.getResourceAsStream", LISTED),
            use("tck.GoldenTraces.linesOf: java.lang.Class.getResourceAsStream", LISTED),
            use("tck.HostileHeaders.values: java.lang.Class.getResourceAsStream", LISTED),
            use("hazelcast.OwnInstance.read: io.micronaut.core.io.ResourceResolver.getResourceAsStream",
                    "a file of the application's, which docs/native-image.adoc tells it to list"),
            use("hazelcast.KeyMap.configure: a class's name as text",
                    "Hazelcast makes the merge policy; micronaut-ratelimit-hazelcast's reflect-config.json names it"),
            use("intercept.LimitedRequest.<clinit>: a class's name as text", NO_LOOK_UP),
            use("websocket.NettyUpgrades.<clinit>: a class's name as text", NO_LOOK_UP),
            use("servlet.RateLimitFilter.<init>: a class's name as text", NO_LOOK_UP),
            use("config.SettingsCheck.example: java.lang.Class.getEnumConstants",
                    "an image keeps each enum's constants with its class, and does not look for its methods"),
            use("processor.RateLimitVisitor.getSupportedAnnotationNames: a class's name as text",
                    "runs in the compiler, in no image"));

    private static Map.Entry<String, String> use(String use, String reason) {
        return Map.entry(OURS + use, reason);
    }

    /** What Micronaut's processor writes for {@code ExecutableMethod.getTargetMethod()}, which we are found to call nowhere. */
    private static boolean isUnused(String use) {
        return use.contains(".getTargetMethodByIndex: io.micronaut.core.reflect.");
    }

    @Test
    void ourClassesLookNothingUpByNameButWhatIsListed() {
        Set<String> found = new TreeSet<>();
        for (Published module : Published.all()) {
            DynamicUses.of(module.classes()).stream().filter(use -> !isUnused(use)).forEach(found::add);
        }
        assertEquals(lines(new TreeSet<>(KNOWN.keySet())), lines(found),
                "Make the new use known to a native image, in the module's META-INF/native-image, and list it here with the "
                        + "reason; take out what is gone.");
    }

    @Test
    void everyKindOfLookUpIsFound() {
        String name = Reflective.class.getName();
        Set<String> found = DynamicUses.of(List.of(Published.rootOf(Reflective.class).resolve(name.replace('.', '/') + ".class")));

        assertEquals(lines(Set.of(
                "<clinit>: java.util.concurrent.atomic.AtomicIntegerFieldUpdater.newUpdater",
                "byName: java.lang.Class.forName",
                "counted: com.github.benmanes.caffeine.cache.Caffeine.recordStats",
                "handles: java.lang.invoke.MethodHandles$Lookup.findVarHandle",
                "made: java.lang.Class.getDeclaredConstructor",
                "made: java.lang.reflect.Constructor.newInstance",
                "name: a class's name as text",
                "read: java.io.ObjectInputStream.<init>",
                "read: java.io.ObjectInputStream.close",
                "read: java.io.ObjectInputStream.readObject",
                "resources: java.lang.Class.getResourceAsStream",
                "sent: java.lang.invoke.LambdaMetafactory.altMetafactory",
                "services: java.util.ServiceLoader.load")),
                lines(found.stream().filter(use -> !use.contains("deserializeLambda") && !use.contains("AtomicIntegerFieldUpdater.inc"))
                        .map(use -> use.substring(name.length() + 1)).collect(Collectors.toSet())));
    }

    @Test
    void allClassesOfAllModulesAreRead() {
        for (Published module : Published.all()) {
            assertTrue(module.classes().size() >= 5, module + " has " + module.classes().size() + " classes");
        }
    }

    private static String lines(Set<String> uses) {
        return String.join("\n", new TreeSet<>(uses));
    }
}
