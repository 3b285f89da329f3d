package io.github.micronautratelimit.intercept;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.aop.Intercepted;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.expressions.EvaluatedExpression;
import io.micronaut.http.annotation.HttpMethodMapping;
import io.micronaut.inject.ExecutableMethod;
import io.micronaut.inject.annotation.AbstractEnvironmentAnnotationMetadata;
import io.micronaut.inject.annotation.AnnotationMetadataHierarchy;
import io.micronaut.inject.annotation.EvaluatedAnnotationMetadata;
import jakarta.inject.Singleton;

/**
 * Reads what is annotated on methods and their classes, once per method.
 *
 * <p>A limit that names no policy gets the name of the class or method it is written on, so that it is a limit of that
 * place alone.
 */
@Singleton
@RequiresRateLimit
public class AnnotatedLimits implements AppliedLimits {

    private static final int LONGEST_NAME = 200;

    private final Policies policies;
    private final Keys keys;
    private final Environment environment;
    private final Map<Method, List<AppliedLimit>> known = new ConcurrentHashMap<>();

    private record Method(Class<?> beanType, ExecutableMethod<?, ?> method) {
    }

    AnnotatedLimits(Policies policies, Keys keys, Environment environment) {
        this.policies = policies;
        this.keys = keys;
        this.environment = environment;
    }

    /**
     * The limits of a method.
     *
     * @param beanType the class whose bean is called; a proxy stands for the class it was made of
     * @param method   the method
     * @return the limits of the class, then those of the method; empty if there are none or the method is exempt
     * @throws ConfigurationException if an annotation's text is wrong, or names a policy or bean there is not
     */
    public List<AppliedLimit> of(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return known.computeIfAbsent(new Method(beanType, method), this::read);
    }

    @Override
    public Collection<AppliedLimit> all() {
        return known.values().stream().flatMap(List::stream).toList();
    }

    /**
     * Reads everything anew that was read before.
     *
     * @throws ConfigurationException if something is wrong now; what was read before then still holds
     */
    public void reload() {
        Map<Method, List<AppliedLimit>> anew = new HashMap<>();
        known.keySet().forEach(method -> anew.put(method, read(method)));
        known.putAll(anew);
    }

    /**
     * Whether a method is exempt from every limit it does not carry itself.
     *
     * @param method the method
     * @return {@code true} if it or its class carries {@link NoRateLimit}
     */
    public boolean isExempt(ExecutableMethod<?, ?> method) {
        return method.hasAnnotation(NoRateLimit.class);
    }

    private List<AppliedLimit> read(Method method) {
        AnnotationMetadata written = asWritten(method.method.getAnnotationMetadata());
        Class<?> owner = owner(method.beanType, method.method);
        List<AppliedLimit> limits = new ArrayList<>();
        if (!(written instanceof AnnotationMetadataHierarchy hierarchy)) {
            // A method without annotations of its own has those of its class.
            limits.addAll(isExempt(method.method) ? List.of() : read(written, owner.getName(), method.method));
            return List.copyOf(limits);
        }
        if (!isExempt(method.method)) {
            limits.addAll(read(hierarchy.getRootMetadata(), owner.getName(), method.method));
        }
        if (!hierarchy.getDeclaredMetadata().hasAnnotation(NoRateLimit.class)) {
            String arguments = Arrays.stream(method.method.getArgumentTypes()).map(Class::getSimpleName)
                    .collect(Collectors.joining(",", "(", ")"));
            limits.addAll(read(hierarchy.getDeclaredMetadata(),
                    owner.getName() + "." + method.method.getMethodName() + arguments, method.method));
        }
        return List.copyOf(limits);
    }

    /** The annotations without what the framework wraps around them, once or more, for properties and expressions. */
    private static AnnotationMetadata asWritten(AnnotationMetadata metadata) {
        if (metadata instanceof EvaluatedAnnotationMetadata evaluated) {
            return asWritten(evaluated.getAnnotationMetadata());
        }
        if (metadata instanceof AbstractEnvironmentAnnotationMetadata filledIn) {
            return asWritten(filledIn.getAnnotationMetadata());
        }
        if (metadata instanceof AnnotationMetadataHierarchy one && one.getRootMetadata() == one.getDeclaredMetadata()) {
            return asWritten(one.getRootMetadata());
        }
        return metadata;
    }

    private static Class<?> owner(Class<?> beanType, ExecutableMethod<?, ?> method) {
        Class<?> owner = beanType;
        while (Intercepted.class.isAssignableFrom(owner)) {
            owner = owner.getSuperclass();
        }
        return owner == Object.class ? method.getDeclaringType() : owner;
    }

    private List<AppliedLimit> read(AnnotationMetadata element, String name, ExecutableMethod<?, ?> method) {
        List<AppliedLimit> limits = new ArrayList<>();
        List<AnnotationValue<RateLimit>> annotations = element.getAnnotationValuesByType(RateLimit.class);
        for (int i = 0; i < annotations.size(); i++) {
            String ordinal = i == 0 ? "" : "#" + (i + 1);
            limits.add(read(annotations.get(i), name + ordinal, "@RateLimit on " + name, method));
        }
        return limits;
    }

    private AppliedLimit read(AnnotationValue<RateLimit> annotation, String name, String place,
                              ExecutableMethod<?, ?> method) {
        EvaluatedExpression keyExpression = expression(annotation, "key");
        EvaluatedExpression costExpression = expression(annotation, "permits");
        WrittenLimit written = new WrittenLimit(place,
                text(annotation, "value", ""),
                text(annotation, "policy", ""),
                keyExpression != null ? keyExpression.toString() : text(annotation, "key", ""),
                costExpression != null ? costExpression.toString() : text(annotation, "permits", "1"),
                WrittenLimit.isSecured(method));
        try {
            written.check();
            Policy policy = policy(written, name, annotation.enumValue("onError", OnError.class).orElse(null));
            return new AppliedLimit(place, policy, keyExpression != null ? null : key(written, policy, method), keyExpression,
                    costExpression != null ? Cost.ONE : Cost.parse(written.permits()), costExpression);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(String.valueOf(e.getMessage()), e);
        }
    }

    private Policy policy(WrittenLimit written, String name, @Nullable OnError onError) {
        Limits limits = written.value().isEmpty() ? new Limits(List.of(), null) : Limits.parse(written.value());
        return policies.get(written.policy().isEmpty() ? storable(name) : written.policy(), limits, onError,
                written.place());
    }

    private @Nullable KeyTemplate key(WrittenLimit written, Policy policy, ExecutableMethod<?, ?> method) {
        if (!written.key().isEmpty()) {
            KeyTemplate key = KeyTemplate.parse(written.key());
            keys.check(key, written.place());
            return key;
        }
        KeyTemplate configured = policies.keyOf(policy.name());
        return configured == null && method.hasStereotype(HttpMethodMapping.class) ? policies.defaultKey() : configured;
    }

    /** A name that a policy may have: names of classes may be longer, and in any script. */
    private static String storable(String name) {
        boolean plain = name.length() <= LONGEST_NAME && name.chars().allMatch(c -> c > ' ' && c < 127);
        return plain ? name : KeyHash.of(name);
    }

    /** A text with its properties, such as {@code ${my.limit:100/min}}, filled in. */
    private String text(AnnotationValue<RateLimit> annotation, String member, String otherwise) {
        return environment.getPlaceholderResolver()
                .resolveRequiredPlaceholders(annotation.stringValue(member).orElse(otherwise));
    }

    private static @Nullable EvaluatedExpression expression(AnnotationValue<RateLimit> annotation, String member) {
        return annotation.getValues().get(member) instanceof EvaluatedExpression expression ? expression : null;
    }
}
