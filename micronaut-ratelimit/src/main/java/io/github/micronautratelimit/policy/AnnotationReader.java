package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.context.env.Environment;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.core.convert.ConversionService;
import io.micronaut.core.expressions.EvaluatedExpression;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the {@link RateLimit} annotations of a class or method.
 *
 * <p>A limit without a policy name is a policy of its own, with the name of the class or method.
 */
@Singleton
@RequiresRateLimit
final class AnnotationReader {

    private static final int MAX_NAME_LENGTH = 200;
    private static final KeyTemplate CONNECTION = KeyTemplate.parse("{connection}");

    private final PolicyRegistry policies;
    private final KeyResolution keys;
    private final GeneratedNames generatedNames;
    private final CaseBinder cases;
    private final Environment environment;

    AnnotationReader(
            PolicyRegistry policies,
            KeyResolution keys,
            GeneratedNames generatedNames,
            CaseBinder cases,
            Environment environment) {
        this.cases = cases;
        this.generatedNames = generatedNames;
        this.policies = policies;
        this.keys = keys;
        this.environment = environment;
    }

    /**
     * Returns the limits of a class or method.
     *
     * @throws ConfigurationException if an annotation is invalid, or names a policy or bean that does not exist
     */
    List<LimitBinding> read(AnnotatedElement element) {
        List<AnnotationValue<RateLimit>> annotations = element.annotations().getAnnotationValuesByType(RateLimit.class);
        List<LimitBinding> limits = new ArrayList<>();
        for (int i = 0; i < annotations.size(); i++) {
            try {
                limits.add(read(annotations.get(i), element, element.name() + (i == 0 ? "" : "#" + (i + 1))));
            } catch (IllegalArgumentException e) {
                throw new ConfigurationException(String.valueOf(e.getMessage()), e);
            }
        }
        return List.copyOf(limits);
    }

    /** Adds the key of requests to limits without one. */
    List<LimitBinding> withDefaultKey(List<LimitBinding> limits) {
        return limits.stream()
                .map(limit -> limit.withDefaultKey(policies.defaultKey()))
                .toList();
    }

    private LimitBinding read(AnnotationValue<RateLimit> annotation, AnnotatedElement element, String policyName) {
        EvaluatedExpression keyExpression = expression(annotation, "key");
        EvaluatedExpression costExpression = expression(annotation, "permits");
        RateLimitDeclaration declaration = declaration(annotation, element, keyExpression, costExpression);
        declaration.check();
        if (element.role() == WebSocketMethod.EVENT) {
            throw new IllegalArgumentException(declaration.location()
                    + " is on a method for a closed connection, an error or a pong, which cannot be limited; write it on"
                    + " the class to limit connections, or on the @OnMessage method to limit messages.");
        }
        Policy policy = policy(declaration, policyName, onError(annotation, element));
        LimitBinding limit = new LimitBinding(
                declaration.location(),
                policy,
                keyExpression != null ? null : key(declaration, policy, element),
                keyExpression,
                declaration.cost(),
                costExpression);
        boolean hasOwnKey = keyExpression != null || !declaration.key().isEmpty();
        return cases.bind(
                limit,
                hasOwnKey,
                element.role() == WebSocketMethod.MESSAGE,
                annotation.isTrue("shadow"),
                written -> adjusted(written, annotation, declaration, element));
    }

    /** Adds the properties of an annotation to its policy, or to the policy of a case. */
    private Policy adjusted(
            Policy written,
            AnnotationValue<RateLimit> annotation,
            RateLimitDeclaration declaration,
            AnnotatedElement element) {
        OnError onError = onError(annotation, element);
        ConfiguredPolicy configured = policies.find(written.name());
        Policy policy = configured == null || configured.onError() != null || onError == null
                ? written
                : written.withOnError(onError);
        policy = shadowed(policy, annotation, declaration);
        if (configured == null || !configured.lacksSlots(policy)) {
            policy = held(policy, annotation, declaration.location());
        }
        if (configured == null || !configured.lacksRateLimits(policy)) {
            policy = charged(policy, declaration);
        }
        policy = waiting(policy, annotation, declaration.location(), element);
        requireGrantable(declaration, policy);
        if (element.role() == WebSocketMethod.MESSAGE && policy.concurrency() != null) {
            throw new IllegalArgumentException(declaration.location() + " has the limit \"" + policy.concurrency()
                    + "\", but a message holds no slot; write a rate limit such as \"100/min\".");
        }
        if (element.role() != WebSocketMethod.NONE && policy.outcomes() != null) {
            throw new IllegalArgumentException(declaration.location() + " has \"" + policy.outcomes()
                    + "\", but a connection or message has no outcome; use another policy.");
        }
        return policy;
    }

    private void requireGrantable(RateLimitDeclaration declaration, Policy policy) {
        try {
            policies.requireGrantable(declaration.cost(), policy);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(declaration.location() + ": " + e.getMessage(), e);
        }
    }

    private RateLimitDeclaration declaration(
            AnnotationValue<RateLimit> annotation,
            AnnotatedElement element,
            @Nullable EvaluatedExpression keyExpression,
            @Nullable EvaluatedExpression costExpression) {
        String location = "@RateLimit on " + element.name();
        return new RateLimitDeclaration(
                location,
                text(annotation, "value", "", location),
                text(annotation, "policy", "", location),
                keyExpression != null ? keyExpression.toString() : text(annotation, "key", "", location),
                costExpression != null ? costExpression.toString() : text(annotation, "permits", "1", location),
                texts(annotation, "chargeOn", location),
                texts(annotation, "refundOn", location),
                RateLimitDeclaration.isSecured(element.method()),
                WebSocketMethod.isServer(element.method()) && element.role() != WebSocketMethod.NONE);
    }

    /** Connections outlast an outage, so their default is {@link OnError#CLOSED}. */
    private static @Nullable OnError onError(AnnotationValue<RateLimit> annotation, AnnotatedElement element) {
        return annotation
                .enumValue("onError", OnError.class)
                .orElse(element.role() == WebSocketMethod.OPEN ? OnError.CLOSED : null);
    }

    private Policy policy(RateLimitDeclaration declaration, String name, @Nullable OnError onError) {
        LimitSet limits =
                declaration.value().isEmpty() ? new LimitSet(List.of(), null) : LimitSet.parse(declaration.value());
        return policies.get(
                declaration.policy().isEmpty() ? generatedNames.add(validName(name)) : declaration.policy(),
                limits,
                onError,
                declaration.location());
    }

    /** A policy that may be enforced elsewhere must not lose permits to an annotation in shadow mode. */
    private static Policy shadowed(
            Policy policy, AnnotationValue<RateLimit> annotation, RateLimitDeclaration declaration) {
        if (!annotation.isTrue("shadow")) {
            return policy;
        }
        return declaration.policy().isEmpty() ? policy.withShadow(true) : policy.asShadow();
    }

    /** The configuration of the policy takes precedence. */
    private Policy held(Policy policy, AnnotationValue<RateLimit> annotation, String location) {
        String text = text(annotation, "holdAtMost", "", location);
        HoldUntil until = annotation.enumValue("holdUntil", HoldUntil.class).orElse(HoldUntil.RESPONSE);
        try {
            Policy held = text.isEmpty() || policy.holdAtMost() != null
                    ? policy
                    : policy.withHoldAtMost(duration("holdAtMost", text));
            return until == HoldUntil.RESPONSE ? held : held.withHoldUntil(until);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(location + ": " + e.getMessage(), e);
        }
    }

    /** The configuration of the policy takes precedence. */
    private Policy waiting(
            Policy policy, AnnotationValue<RateLimit> annotation, String location, AnnotatedElement element) {
        String text = text(annotation, "maxWait", "", location);
        try {
            Policy waiting =
                    text.isEmpty() || policy.maxWait() != null ? policy : policy.withMaxWait(duration("maxWait", text));
            if (waiting.maxWait() != null && element.role() == WebSocketMethod.MESSAGE) {
                throw new IllegalArgumentException("messages of a WebSocket do not wait, because later ones would pile"
                        + " up behind them; remove maxWait, or name a policy without it.");
            }
            return waiting;
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(location + ": " + e.getMessage(), e);
        }
    }

    private static Duration duration(String member, String text) {
        return ConversionService.SHARED
                .convert(text, Duration.class)
                .orElseThrow(() -> new IllegalArgumentException(
                        "The " + member + " \"" + text + "\" is not a time; write one like \"30s\"."));
    }

    /** The configuration of the policy takes precedence. */
    private static Policy charged(Policy policy, RateLimitDeclaration declaration) {
        if (policy.outcomes() != null
                || declaration.chargeOn().isEmpty() && declaration.refundOn().isEmpty()) {
            return policy;
        }
        try {
            return declaration.refundOn().isEmpty()
                    ? policy.withChargeOn(declaration.chargeOn())
                    : policy.withRefundOn(declaration.refundOn());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(declaration.location() + ": " + e.getMessage(), e);
        }
    }

    /** Hashes names that a policy may not have: the name of a class may be longer or contain any character. */
    private static String validName(String name) {
        boolean valid = name.length() <= MAX_NAME_LENGTH && name.chars().allMatch(c -> c > ' ' && c < 127);
        return valid ? name : KeyHash.of(name);
    }

    private @Nullable KeyTemplate key(RateLimitDeclaration declaration, Policy policy, AnnotatedElement element) {
        boolean message = element.role() == WebSocketMethod.MESSAGE;
        KeyTemplate key = declaration.key().isEmpty()
                ? policies.keyOf(policy.writtenName())
                : KeyTemplate.parse(declaration.key());
        if (key == null) {
            return message ? CONNECTION : element.role() == WebSocketMethod.OPEN ? policies.defaultKey() : null;
        }
        if (message) {
            keys.checkOfMessage(key, declaration.location());
        } else {
            keys.check(key, declaration.location());
        }
        return key;
    }

    private String text(AnnotationValue<RateLimit> annotation, String member, String defaultText, String location) {
        return resolved(annotation.stringValue(member).orElse(defaultText), location);
    }

    private List<String> texts(AnnotationValue<RateLimit> annotation, String member, String location) {
        return Arrays.stream(annotation.stringValues(member))
                .map(text -> resolved(text, location))
                .toList();
    }

    /** Resolves properties in a text, such as {@code ${my.limit:100/min}}. */
    private String resolved(String text, String location) {
        try {
            return environment.getPlaceholderResolver().resolveRequiredPlaceholders(text);
        } catch (ConfigurationException e) {
            throw new ConfigurationException(
                    location + ": \"" + text
                            + "\" contains a property that is not set; set it, or write a default such "
                            + "as \"${my.limit:100/min}\".",
                    e);
        }
    }

    private static @Nullable EvaluatedExpression expression(AnnotationValue<RateLimit> annotation, String member) {
        return annotation.getValues().get(member) instanceof EvaluatedExpression expression ? expression : null;
    }
}
