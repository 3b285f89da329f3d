package io.github.micronautratelimit.nativeimage;

import java.util.Map;
import java.util.Set;

/** The methods through which code reaches classes, members and resources by name. */
final class DynamicApi {

    /** All of what is in them, and in packages below. */
    private static final Set<String> PACKAGES = Set.of("java/lang/reflect/", "java/beans/", "java/rmi/", "javax/management/",
            "javax/script/", "jdk/", "sun/", "com/sun/", "io/micronaut/core/reflect/", "io/micronaut/core/io/service/",
            "org/springframework/");

    /** All of what they do. */
    private static final Set<String> TYPES = Set.of("java/lang/ClassLoader", "java/lang/Module", "java/lang/ModuleLayer",
            "java/lang/Package", "java/lang/invoke/MethodHandle", "java/lang/invoke/MethodHandleProxies",
            "java/util/ServiceLoader", "java/util/ResourceBundle", "java/io/ObjectInputStream", "java/io/ObjectOutputStream",
            "java/util/concurrent/atomic/AtomicIntegerFieldUpdater", "java/util/concurrent/atomic/AtomicLongFieldUpdater",
            "java/util/concurrent/atomic/AtomicReferenceFieldUpdater", "io/micronaut/core/io/ResourceLoader",
            "io/micronaut/core/io/ResourceResolver", "io/micronaut/core/io/IOUtils");

    /** All of what they do but this. */
    private static final Map<String, Set<String>> TYPES_BUT = Map.of(
            "java/lang/Class", Set.of("getName", "getSimpleName", "getTypeName", "toString", "hashCode", "equals", "isInstance",
                    "isAssignableFrom", "cast", "getSuperclass", "isInterface", "isArray", "isPrimitive", "isEnum", "isRecord",
                    "desiredAssertionStatus"),
            "java/lang/invoke/MethodHandles", Set.of("lookup"),
            "java/lang/invoke/MethodHandles$Lookup", Set.of("lookupClass"),
            // Lambdas that can be serialized are made by "altMetafactory".
            "java/lang/invoke/LambdaMetafactory", Set.of("metafactory"),
            // What a cache is to do decides which of Caffeine's classes is looked up.
            "com/github/benmanes/caffeine/cache/Caffeine", Set.of("newBuilder", "maximumSize", "executor", "build"));

    /** Whoever does it: Micronaut's names are used of many types. */
    private static final Set<String> METHODS = Set.of("synthesize", "synthesizeAll", "synthesizeDeclared",
            "synthesizeAnnotationsByType", "getTargetMethod", "getResource", "getResources", "getResourceAsStream", "loadLibrary");

    private DynamicApi() {
    }

    static boolean has(String owner, String method) {
        Set<String> plain = TYPES_BUT.get(owner);
        return plain != null ? !plain.contains(method)
                : TYPES.contains(owner) || METHODS.contains(method) || method.endsWith("WithReflection")
                || PACKAGES.stream().anyMatch(owner::startsWith);
    }
}
