package io.github.micronautratelimit.nativeimage;

import java.util.Map;
import java.util.Set;

/** The methods that look up classes, members and resources by name. */
final class DynamicApi {

    /** Packages with their subpackages; all methods count. */
    private static final Set<String> PACKAGES = Set.of(
            "java/lang/reflect/",
            "java/beans/",
            "java/rmi/",
            "javax/management/",
            "javax/script/",
            "jdk/",
            "sun/",
            "com/sun/",
            "io/micronaut/core/reflect/",
            "io/micronaut/core/io/service/",
            "org/springframework/");

    /** Types; all methods count. */
    private static final Set<String> TYPES = Set.of(
            "java/lang/ClassLoader",
            "java/lang/Module",
            "java/lang/ModuleLayer",
            "java/lang/Package",
            "java/lang/invoke/MethodHandle",
            "java/lang/invoke/MethodHandleProxies",
            "java/util/ServiceLoader",
            "java/util/ResourceBundle",
            "java/io/ObjectInputStream",
            "java/io/ObjectOutputStream",
            "java/util/concurrent/atomic/AtomicIntegerFieldUpdater",
            "java/util/concurrent/atomic/AtomicLongFieldUpdater",
            "java/util/concurrent/atomic/AtomicReferenceFieldUpdater",
            "io/micronaut/core/io/ResourceLoader",
            "io/micronaut/core/io/ResourceResolver",
            "io/micronaut/core/io/IOUtils");

    /** Types; all methods count except these. */
    private static final Map<String, Set<String>> TYPES_EXCEPT = Map.of(
            "java/lang/Class",
                    Set.of(
                            "getName",
                            "getSimpleName",
                            "getTypeName",
                            "toString",
                            "hashCode",
                            "equals",
                            "isInstance",
                            "isAssignableFrom",
                            "cast",
                            "getSuperclass",
                            "isInterface",
                            "isArray",
                            "isPrimitive",
                            "isEnum",
                            "isRecord",
                            "desiredAssertionStatus"),
            "java/lang/invoke/MethodHandles", Set.of("lookup"),
            "java/lang/invoke/MethodHandles$Lookup", Set.of("lookupClass"),
            // "altMetafactory" creates serializable lambdas.
            "java/lang/invoke/LambdaMetafactory", Set.of("metafactory"),
            // The features of a cache select the class that Caffeine looks up.
            "com/github/benmanes/caffeine/cache/Caffeine", Set.of("newBuilder", "maximumSize", "executor", "build"));

    /** Methods of any type; many types of Micronaut have methods with these names. */
    private static final Set<String> METHODS = Set.of(
            "synthesize",
            "synthesizeAll",
            "synthesizeDeclared",
            "synthesizeAnnotationsByType",
            "getTargetMethod",
            "getResource",
            "getResources",
            "getResourceAsStream",
            "loadLibrary");

    private DynamicApi() {}

    static boolean has(String owner, String method) {
        Set<String> exceptions = TYPES_EXCEPT.get(owner);
        return exceptions != null
                ? !exceptions.contains(method)
                : TYPES.contains(owner)
                        || METHODS.contains(method)
                        || method.endsWith("WithReflection")
                        || PACKAGES.stream().anyMatch(owner::startsWith);
    }
}
