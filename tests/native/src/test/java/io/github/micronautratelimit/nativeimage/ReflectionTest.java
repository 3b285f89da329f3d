package io.github.micronautratelimit.nativeimage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Checks that all look-ups by name at run time are known here, and work in a native image. */
class ReflectionTest {

    private static final String OURS = "io.github.micronautratelimit.";
    private static final String CLIENT = "reflect-config.json names the HTTP client, if the image has it";
    private static final String PROXY = "proxy-config.json and reflect-config.json name the interface";
    private static final String NO_LOOK_UP = "a text that distinguishes objects, without a look-up";
    private static final String LISTED = "the resource-config.json of the module lists its resources";

    /** The known uses, each with the reason why it works in a native image. */
    private static final Map<String, String> KNOWN = Map.ofEntries(
            use(
                    "memory.Cell.handle: java.lang.invoke.MethodHandles$Lookup.findVarHandle",
                    "the reflect-config.json of ratelimit-core names the fields"),
            use(
                    "hotkey.PrefetchCache.<init>: com.github.benmanes.caffeine.cache.Caffeine.removalListener",
                    "the reflect-config.json of ratelimit-core names the class of such a cache"),
            use("redis.Script.of: java.lang.Class.getResourceAsStream", LISTED),
            use("management.DashboardEndpoint.text: java.lang.Class.getResourceAsStream", LISTED),
            use("tck.GoldenTraces.linesOf: java.lang.Class.getResourceAsStream", LISTED),
            use("tck.HostileHeaders.values: java.lang.Class.getResourceAsStream", LISTED),
            use(
                    "hazelcast.HazelcastBackendFactory.read: io.micronaut.core.io.ResourceResolver.getResourceAsStream",
                    "a file of the application, which must list it; see docs/native-image.adoc"),
            use(
                    "hazelcast.RateLimitMapConfig.own: the name of a class as text",
                    "Hazelcast creates the merge policy, which reflect-config.json of the module names"),
            use(
                    "hazelcast.RateLimitMapConfig.ownOfRecords: the name of a class as text",
                    "Hazelcast has an object of each of its own merge policies, by name"),
            use("hazelcast.RateLimitMapConfig.warningsOf: the name of a class as text", NO_LOOK_UP),
            use("hazelcast.ClusterWarning.<clinit>: the name of a class as text", NO_LOOK_UP),
            use(
                    "ChargeCondition.failure: java.lang.Class.forName",
                    "the application registers the exception classes that its settings name"),
            use("ChargeCondition.loader: java.lang.Class.getClassLoader", NO_LOOK_UP),
            use("http.RateLimitContext.<clinit>: the name of a class as text", NO_LOOK_UP),
            use("http.StreamCallbacks.<clinit>: the name of a class as text", NO_LOOK_UP),
            use("client.LimitedClients.<init>: io.micronaut.core.reflect.ClassUtils.isPresent", CLIENT),
            use("client.LimitedClients.<init>: java.lang.Class.getClassLoader", NO_LOOK_UP),
            use("messaging.PacedConsumer.around: java.lang.reflect.Proxy.newProxyInstance", PROXY),
            use("messaging.PacedConsumer.around: java.lang.Class.getClassLoader", NO_LOOK_UP),
            use("messaging.PacedConsumer.invoke: java.lang.reflect.InvocationTargetException.getCause", NO_LOOK_UP),
            use("messaging.PacedConsumer.invoke: java.lang.reflect.Method.getName", NO_LOOK_UP),
            use("messaging.PacedConsumer.invoke: java.lang.reflect.Method.invoke", PROXY),
            use("interceptor.SkippedCalls.isBetween: java.lang.Class.getPackageName", NO_LOOK_UP),
            use("policy.AnnotatedMethod.<clinit>: the name of a class as text", NO_LOOK_UP),
            use(
                    "policy.AnnotatedMethod.owner: java.lang.Class.getInterfaces",
                    "an image keeps the interfaces of every class"),
            use(
                    "policy.LimitPlacement.isProtected: io.micronaut.inject.ExecutableMethod.getTargetMethod",
                    "fails in an image, where only the annotation processor rejects protected methods"),
            use("policy.LimitPlacement.isProtected: java.lang.reflect.Method.getModifiers", NO_LOOK_UP),
            use("policy.LimitPlacement.isProtected: java.lang.reflect.Modifier.isProtected", NO_LOOK_UP),
            use(
                    "policy.ReachabilityCheck$Route.of: io.micronaut.web.router.UriRouteInfo.getTargetMethod",
                    "returns the executable method that Micronaut has generated"),
            use(
                    "policy.WebSocketSupport.require: io.micronaut.core.reflect.ClassUtils.forName",
                    "the reflect-config.json of micronaut-ratelimit names the server"),
            use("websocket.NettyWebSocketUpgradeHandler.<clinit>: the name of a class as text", NO_LOOK_UP),
            use("servlet.RateLimitFilter.<init>: the name of a class as text", NO_LOOK_UP),
            use(
                    "configuration.ConfigurationValidator.example: java.lang.Class.getEnumConstants",
                    "an image keeps the constants of an enum with its class"),
            use("processor.OpenApiVisitor.isEnabled: java.lang.Class.getClassLoader", "runs only in the compiler"),
            use("processor.OpenApiVisitor.isEnabled: java.lang.ClassLoader.getResource", "runs only in the compiler"),
            use("processor.Placement.check: the name of a class as text", "runs only in the compiler"),
            use(
                    "processor.RateLimitVisitor.getSupportedAnnotationNames: the name of a class as text",
                    "runs only in the compiler"));

    private static Map.Entry<String, String> use(String use, String reason) {
        return Map.entry(OURS + use, reason);
    }

    /** Micronaut generates this code for {@code ExecutableMethod.getTargetMethod()}, which our classes never call. */
    private static boolean isUnused(String use) {
        return use.contains(".getTargetMethodByIndex: io.micronaut.core.reflect.");
    }

    @Test
    void classesUseOnlyKnownLookUps() {
        Set<String> found = new TreeSet<>();
        for (Published module : Published.all()) {
            DynamicUses.of(module.classes()).stream()
                    .filter(use -> !isUnused(use))
                    .forEach(found::add);
        }
        assertEquals(
                lines(new TreeSet<>(KNOWN.keySet())),
                lines(found),
                "List new uses in META-INF/native-image of the module and here, with the reason; remove old ones.");
    }

    @Test
    void everyKindOfLookUpIsDetected() {
        String name = Reflective.class.getName();
        Set<String> found =
                DynamicUses.of(List.of(Published.rootOf(Reflective.class).resolve(name.replace('.', '/') + ".class")));

        assertEquals(
                lines(Set.of(
                        "<clinit>: java.util.concurrent.atomic.AtomicIntegerFieldUpdater.newUpdater",
                        "byName: java.lang.Class.forName",
                        "counted: com.github.benmanes.caffeine.cache.Caffeine.recordStats",
                        "handles: java.lang.invoke.MethodHandles$Lookup.findVarHandle",
                        "made: java.lang.Class.getDeclaredConstructor",
                        "made: java.lang.reflect.Constructor.newInstance",
                        "name: the name of a class as text",
                        "read: java.io.ObjectInputStream.<init>",
                        "read: java.io.ObjectInputStream.close",
                        "read: java.io.ObjectInputStream.readObject",
                        "resources: java.lang.Class.getResourceAsStream",
                        "sent: java.lang.invoke.LambdaMetafactory.altMetafactory",
                        "services: java.util.ServiceLoader.load")),
                lines(found.stream()
                        .filter(use ->
                                !use.contains("deserializeLambda") && !use.contains("AtomicIntegerFieldUpdater.inc"))
                        .map(use -> use.substring(name.length() + 1))
                        .collect(Collectors.toSet())));
    }

    @Test
    void allModulesHaveClasses() {
        for (Published module : Published.all()) {
            assertTrue(
                    module.classes().size() >= 5,
                    module + " has " + module.classes().size() + " classes");
        }
    }

    private static String lines(Set<String> uses) {
        return String.join("\n", new TreeSet<>(uses));
    }
}
