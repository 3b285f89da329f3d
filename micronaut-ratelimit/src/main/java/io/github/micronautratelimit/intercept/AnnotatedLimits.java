package io.github.micronautratelimit.intercept;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    private static final KeyTemplate CONNECTION = KeyTemplate.parse("{connection}");

    private final Policies policies;
    private final Keys keys;
    private final Environment environment;
    private final Map<Method, ByRole> known = new ConcurrentHashMap<>();

    private record Method(Class<?> beanType, ExecutableMethod<?, ?> method) {
    }

    /** What is limited where a method is. */
    private record ByRole(List<AppliedLimit> calls, List<AppliedLimit> connections, List<AppliedLimit> messages) {
    }

    AnnotatedLimits(Policies policies, Keys keys, Environment environment) {
        this.policies = policies;
        this.keys = keys;
        this.environment = environment;
    }

    /**
     * The limits on calls of a method.
     *
     * @param beanType the class whose bean is called; a proxy stands for the class it was made of
     * @param method   the method
     * @return the limits of the class, then those of the method; empty if there are none or the method is exempt, or is
     *         called for a WebSocket, whose connections and messages are limited instead
     * @throws ConfigurationException if an annotation's text is wrong, or names a policy or bean there is not
     */
    public List<AppliedLimit> of(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(beanType, method).calls;
    }

    /**
     * The limits on connections to a WebSocket: those of its class and of its method for opened connections.
     *
     * @param beanType the class of the WebSocket
     * @param method   its method for opened connections, or for messages if it has no other
     * @return the limits; empty if there are none, or the class is no WebSocket
     * @throws ConfigurationException if an annotation's text is wrong, or names a policy or bean there is not
     */
    public List<AppliedLimit> ofConnections(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(beanType, method).connections;
    }

    /**
     * The limits on the messages of a WebSocket.
     *
     * @param beanType the class of the WebSocket
     * @param method   its method for messages
     * @return the limits; empty if there are none, or the method is another
     * @throws ConfigurationException if an annotation's text is wrong, or names a policy or bean there is not
     */
    public List<AppliedLimit> ofMessages(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return limits(beanType, method).messages;
    }

    private ByRole limits(Class<?> beanType, ExecutableMethod<?, ?> method) {
        return known.computeIfAbsent(new Method(beanType, method), this::read);
    }

    @Override
    public Collection<AppliedLimit> all() {
        return known.values().stream().flatMap(each -> Stream.of(each.calls, each.connections, each.messages))
                .flatMap(List::stream).toList();
    }

    /**
     * Reads everything anew that was read before.
     *
     * @throws ConfigurationException if something is wrong now; what was read before then still holds
     */
    public void reload() {
        Map<Method, ByRole> anew = new HashMap<>();
        known.keySet().forEach(method -> anew.put(method, read(method)));
        known.putAll(anew);
    }

    /**
     * Whether a route is that of a WebSocket.
     *
     * @param method the route's method
     * @return {@code true} if requests to it open connections
     */
    public boolean isSocket(ExecutableMethod<?, ?> method) {
        return SocketRole.of(method) != SocketRole.NONE;
    }

    /**
     * Whether a method is exempt from every limit it does not carry itself.
     *
     * @param method the method
     * @return {@code true} if it or its class carries {@link NoRateLimit}; of a WebSocket's method for messages, which
     *         stands for its connections if it has no other, only the class counts
     */
    public boolean isExempt(ExecutableMethod<?, ?> method) {
        return SocketRole.of(method) == SocketRole.MESSAGE
                && asWritten(method.getAnnotationMetadata()) instanceof AnnotationMetadataHierarchy hierarchy
                ? hierarchy.getRootMetadata().hasAnnotation(NoRateLimit.class)
                : method.hasAnnotation(NoRateLimit.class);
    }

    private ByRole read(Method method) {
        AnnotationMetadata written = asWritten(method.method.getAnnotationMetadata());
        Class<?> owner = owner(method.beanType, method.method);
        SocketRole role = SocketRole.of(method.method);
        SocketRole ofClass = SocketRole.isServer(method.method) ? SocketRole.OPEN : SocketRole.NONE;
        List<AppliedLimit> classLimits = List.of();
        List<AppliedLimit> methodLimits = List.of();
        // A method without annotations of its own has those of its class.
        AnnotationMetadataHierarchy both = written instanceof AnnotationMetadataHierarchy hierarchy ? hierarchy : null;
        if (!isExempt(method.method)) {
            classLimits = read(both == null ? written : both.getRootMetadata(), owner.getName(), method.method, ofClass);
        }
        if (both != null && !both.getDeclaredMetadata().hasAnnotation(NoRateLimit.class)) {
            String arguments = Arrays.stream(method.method.getArgumentTypes()).map(Class::getSimpleName)
                    .collect(Collectors.joining(",", "(", ")"));
            methodLimits = read(both.getDeclaredMetadata(),
                    owner.getName() + "." + method.method.getMethodName() + arguments, method.method, role);
        }
        return switch (role) {
            case NONE -> ofClass == SocketRole.NONE ? new ByRole(joined(classLimits, methodLimits), List.of(), List.of())
                    : new ByRole(methodLimits, List.of(), List.of());
            case OPEN -> new ByRole(List.of(), joined(classLimits, methodLimits), List.of());
            case MESSAGE -> new ByRole(List.of(), classLimits, methodLimits);
            case EVENT -> new ByRole(List.of(), List.of(), List.of());
        };
    }

    private static List<AppliedLimit> joined(List<AppliedLimit> first, List<AppliedLimit> then) {
        List<AppliedLimit> all = new ArrayList<>(first);
        all.addAll(then);
        return List.copyOf(all);
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

    private List<AppliedLimit> read(AnnotationMetadata element, String name, ExecutableMethod<?, ?> method,
                                    SocketRole role) {
        List<AppliedLimit> limits = new ArrayList<>();
        List<AnnotationValue<RateLimit>> annotations = element.getAnnotationValuesByType(RateLimit.class);
        for (int i = 0; i < annotations.size(); i++) {
            String ordinal = i == 0 ? "" : "#" + (i + 1);
            limits.add(read(annotations.get(i), name + ordinal, "@RateLimit on " + name, method, role));
        }
        return List.copyOf(limits);
    }

    private AppliedLimit read(AnnotationValue<RateLimit> annotation, String name, String place,
                              ExecutableMethod<?, ?> method, SocketRole role) {
        EvaluatedExpression keyExpression = expression(annotation, "key");
        EvaluatedExpression costExpression = expression(annotation, "permits");
        WrittenLimit written = new WrittenLimit(place,
                text(annotation, "value", "", place),
                text(annotation, "policy", "", place),
                keyExpression != null ? keyExpression.toString() : text(annotation, "key", "", place),
                costExpression != null ? costExpression.toString() : text(annotation, "permits", "1", place),
                WrittenLimit.isSecured(method), SocketRole.isServer(method) && role != SocketRole.NONE);
        try {
            written.check();
            if (role == SocketRole.EVENT) {
                throw new IllegalArgumentException(place + " is on a method that tells of a connection's end, an error or a "
                        + "pong, which cannot be limited; write it on the class, for connections, or on the @OnMessage "
                        + "method, for messages.");
            }
            // Connections stay: what is let in while the store is away is there when it is back.
            Policy policy = policy(written, name, annotation.enumValue("onError", OnError.class)
                    .orElse(role == SocketRole.OPEN ? OnError.CLOSED : null));
            if (role == SocketRole.MESSAGE && policy.concurrency() != null) {
                throw new IllegalArgumentException(place + " has the limit \"" + policy.concurrency() + "\", but a message "
                        + "holds no place; write how often messages may come, such as \"100/min\".");
            }
            return new AppliedLimit(place, policy, keyExpression != null ? null : key(written, policy, method, role), keyExpression,
                    written.cost(), costExpression);
        } catch (IllegalArgumentException e) {
            throw new ConfigurationException(String.valueOf(e.getMessage()), e);
        }
    }

    private Policy policy(WrittenLimit written, String name, @Nullable OnError onError) {
        Limits limits = written.value().isEmpty() ? new Limits(List.of(), null) : Limits.parse(written.value());
        return policies.get(written.policy().isEmpty() ? storable(name) : written.policy(), limits, onError,
                written.place());
    }

    private @Nullable KeyTemplate key(WrittenLimit written, Policy policy, ExecutableMethod<?, ?> method,
                                      SocketRole role) {
        KeyTemplate key = written.key().isEmpty() ? policies.keyOf(policy.name()) : KeyTemplate.parse(written.key());
        if (key == null) {
            return role == SocketRole.MESSAGE ? CONNECTION
                    : role == SocketRole.OPEN || method.hasStereotype(HttpMethodMapping.class) ? policies.defaultKey()
                    : null;
        }
        if (role == SocketRole.MESSAGE) {
            keys.checkOfMessage(key, written.place());
        } else {
            keys.check(key, written.place());
        }
        return key;
    }

    /** A name that a policy may have: names of classes may be longer, and in any script. */
    private static String storable(String name) {
        boolean plain = name.length() <= LONGEST_NAME && name.chars().allMatch(c -> c > ' ' && c < 127);
        return plain ? name : KeyHash.of(name);
    }

    /** A text with its properties, such as {@code ${my.limit:100/min}}, filled in. */
    private String text(AnnotationValue<RateLimit> annotation, String member, String otherwise, String place) {
        String text = annotation.stringValue(member).orElse(otherwise);
        try {
            return environment.getPlaceholderResolver().resolveRequiredPlaceholders(text);
        } catch (ConfigurationException e) {
            throw new ConfigurationException(place + ": \"" + text + "\" names a property that is not set; set it, or write "
                    + "a default into the text, such as \"${my.limit:100/min}\".", e);
        }
    }

    private static @Nullable EvaluatedExpression expression(AnnotationValue<RateLimit> annotation, String member) {
        return annotation.getValues().get(member) instanceof EvaluatedExpression expression ? expression : null;
    }
}
