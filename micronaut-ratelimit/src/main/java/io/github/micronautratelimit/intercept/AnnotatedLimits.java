package io.github.micronautratelimit.intercept;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.config.Policies;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyTemplate;
import io.github.micronautratelimit.key.Keys;
import io.micronaut.aop.Intercepted;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.expressions.EvaluatedExpression;
import io.micronaut.http.annotation.HttpMethodMapping;
import io.micronaut.inject.ExecutableMethod;
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
public class AnnotatedLimits {

    private static final int LONGEST_NAME = 200;

    private static final List<String> SECURITY_ANNOTATIONS = List.of(
            "io.micronaut.security.annotation.Secured", "jakarta.annotation.security.RolesAllowed",
            "jakarta.annotation.security.PermitAll", "jakarta.annotation.security.DenyAll");

    private final Policies policies;
    private final Keys keys;
    private final Map<Method, List<AppliedLimit>> known = new ConcurrentHashMap<>();

    private record Method(Class<?> beanType, ExecutableMethod<?, ?> method) {
    }

    AnnotatedLimits(Policies policies, Keys keys) {
        this.policies = policies;
        this.keys = keys;
    }

    /**
     * The limits of a method.
     *
     * @param beanType the class whose bean is called; a proxy stands for the class it was made of
     * @param method   the method
     * @return the limits of the class, then those of the method; empty if there are none or the method is exempt
     * @throws ConfigurationException if an annotation's text is wrong
     */
    public List<AppliedLimit> of(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return known.computeIfAbsent(new Method(beanType, method), this::read);
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
        AnnotationMetadata metadata = method.method.getAnnotationMetadata();
        if (metadata instanceof EvaluatedAnnotationMetadata evaluated) {
            metadata = evaluated.getAnnotationMetadata();
        }
        Class<?> owner = owner(method.beanType, method.method);
        String name = owner.getName() + "." + method.method.getMethodName()
                + Arrays.stream(method.method.getArgumentTypes()).map(Class::getSimpleName)
                .collect(Collectors.joining(",", "(", ")"));
        AnnotationMetadata own = metadata.getDeclaredMetadata();
        List<AppliedLimit> limits = new ArrayList<>();
        if (metadata instanceof AnnotationMetadataHierarchy hierarchy && !isExempt(method.method)) {
            limits.addAll(read(hierarchy.getRootMetadata(), owner.getName(), method.method));
        }
        if (!own.hasAnnotation(NoRateLimit.class)) {
            limits.addAll(read(own, name, method.method));
        }
        return List.copyOf(limits);
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
        Policy policy = policy(annotation, name, place);
        EvaluatedExpression keyExpression = expression(annotation, "key", place, method);
        KeyTemplate key = keyExpression != null ? null : key(annotation, policy, place);
        if (key == null && keyExpression == null && method.hasStereotype(HttpMethodMapping.class)) {
            key = policies.defaultKey();
        }
        return new AppliedLimit(policy, key, keyExpression, cost(annotation, place, method));
    }

    private Policy policy(AnnotationValue<RateLimit> annotation, String name, String place) {
        String value = annotation.stringValue("value").orElse("");
        String named = annotation.stringValue("policy").orElse("");
        OnError onError = annotation.enumValue("onError", OnError.class).orElse(null);
        if (value.isEmpty()) {
            if (named.isEmpty()) {
                throw new ConfigurationException(place + " names neither limits nor a policy; "
                        + "write @RateLimit(\"100/min\") or @RateLimit(policy = \"write\").");
            }
            return policies.get(named, List.of(), onError, place);
        }
        try {
            return policies.get(named.isEmpty() ? storable(name) : named, Limit.parseAll(value), onError, place);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(place + ": " + e.getMessage(), e);
        }
    }

    /** A name that a policy may have: names of classes may be longer, and in any script. */
    private static String storable(String name) {
        boolean plain = name.length() <= LONGEST_NAME && name.chars().allMatch(c -> c > ' ' && c < 127);
        return plain ? name : KeyHash.of(name);
    }

    private @Nullable KeyTemplate key(AnnotationValue<RateLimit> annotation, Policy policy, String place) {
        String text = annotation.stringValue("key").orElse("");
        if (text.isEmpty()) {
            return policies.keyOf(policy.name());
        }
        try {
            KeyTemplate key = KeyTemplate.parse(text);
            keys.check(key, place);
            return key;
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("The key of " + place + ": " + e.getMessage(), e);
        }
    }

    private Cost cost(AnnotationValue<RateLimit> annotation, String place, ExecutableMethod<?, ?> method) {
        EvaluatedExpression expression = expression(annotation, "permits", place, method);
        if (expression != null) {
            return new Cost(1, null, expression);
        }
        try {
            return Cost.parse(annotation.stringValue("permits").orElse("1"));
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException("The permits of " + place + ": " + e.getMessage(), e);
        }
    }

    private static @Nullable EvaluatedExpression expression(AnnotationValue<RateLimit> annotation, String member,
                                                            String place, ExecutableMethod<?, ?> method) {
        if (!(annotation.getValues().get(member) instanceof EvaluatedExpression expression)) {
            return null;
        }
        String text = expression.toString();
        if (!text.startsWith("#{") || text.indexOf("#{", 1) >= 0 || !text.endsWith("}")) {
            throw new ConfigurationException("The " + member + " \"" + text + "\" of " + place
                    + " mixes text with an expression, so that a missing value would read \"null\"; "
                    + "write one expression alone, like \"#{ account.id }\".");
        }
        if (SECURITY_ANNOTATIONS.stream().anyMatch(method::hasStereotype)) {
            throw new ConfigurationException("The " + member + " \"" + text + "\" of " + place
                    + " is an expression on a method with a security annotation, which would make micronaut-security"
                    + " refuse everybody; write a template like \"{principal}\" or \"{path:id}\".");
        }
        return expression;
    }
}
