package io.github.micronautratelimit.policy;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LimitCheck;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.core.annotation.Internal;
import java.util.List;

/**
 * The texts of one {@code @RateLimit} annotation. The annotation processor checks them, and the application checks them
 * again when it starts.
 *
 * @param location  the annotation in messages, for example {@code @RateLimit on com.shop.Orders.list()}
 * @param value     limits, or empty
 * @param policy    the name of a policy, or empty
 * @param key       a template or an expression, or empty
 * @param permits   a number, a placeholder or an expression
 * @param chargeOn  the outcomes for which a call stays charged, or none
 * @param refundOn  the outcomes for which the permits of a call are given back, or none
 * @param secured   whether the method or its class has a security annotation
 * @param webSocket whether the annotation limits connections to a WebSocket, or its messages
 */
@Internal
public record RateLimitDeclaration(
        String location,
        String value,
        String policy,
        String key,
        String permits,
        List<String> chargeOn,
        List<String> refundOn,
        boolean secured,
        boolean webSocket) {

    private static final List<String> SECURITY_ANNOTATIONS = List.of(
            "io.micronaut.security.annotation.Secured", "jakarta.annotation.security.RolesAllowed",
            "jakarta.annotation.security.PermitAll", "jakarta.annotation.security.DenyAll");

    private static final String EXPRESSION = "#{";
    private static final String PROPERTY = "${";

    /**
     * Returns whether an element has a security annotation. Such an annotation does not work beside an expression.
     *
     * @param element a method or class, at run time or during compilation
     * @return {@code true} if it has one
     */
    public static boolean isSecured(AnnotationMetadata element) {
        return SECURITY_ANNOTATIONS.stream().anyMatch(element::hasStereotype);
    }

    /**
     * Rejects texts that can never work. Skips texts that contain a property.
     *
     * @throws IllegalArgumentException if a text is invalid; the message says where it is and what to write
     */
    public void check() {
        if (value.isEmpty() && policy.isEmpty()) {
            throw new IllegalArgumentException(location + " has neither limits nor a policy; "
                    + "write @RateLimit(\"100/min\") or @RateLimit(policy = \"write\").");
        }
        if (!value.isEmpty()) {
            check("", value, () -> LimitSet.parse(value));
        }
        if (!key.isEmpty() && !isExpression("key", key)) {
            check("The key of ", key, () -> KeyTemplate.parse(key));
            check("", key, () -> LimitCheck.requireBraces(KeyTemplate.parse(key)));
        }
        isExpression("permits", permits);
        check("The permits of ", permits, this::cost);
        check("", permits, () -> LimitCheck.requirePermits(cost()));
        checkOutcomes();
        if (policy.isEmpty()) {
            check(
                    "",
                    value + permits,
                    () -> LimitCheck.requireGrantable(
                            cost(), LimitSet.parse(value).rateLimits(), "the limit \"" + value + "\""));
        }
    }

    private void checkOutcomes() {
        if (!chargeOn.isEmpty() && !refundOn.isEmpty()) {
            throw new IllegalArgumentException(location + " has both chargeOn and refundOn; write the outcomes that are"
                    + " charged, or those that are not.");
        }
        if (webSocket && !(chargeOn.isEmpty() && refundOn.isEmpty())) {
            throw new IllegalArgumentException(location + " has " + (chargeOn.isEmpty() ? "refundOn" : "chargeOn")
                    + ", but a connection or message has no outcome; remove it.");
        }
        for (String outcome : chargeOn) {
            check("", outcome, () -> Policy.requireOutcome(outcome));
        }
        for (String outcome : refundOn) {
            check("", outcome, () -> Policy.requireOutcome(outcome));
        }
    }

    /**
     * Returns the cost of a call, or the bounds of a cost that an expression computes.
     *
     * @return the cost
     * @throws IllegalArgumentException if the text is not a cost
     */
    public Cost cost() {
        if (permits.startsWith(EXPRESSION)) {
            return Cost.ofExpression(permits);
        }
        return webSocket ? Cost.parseOfMessage(permits) : Cost.parse(permits);
    }

    private void check(String prefix, String text, Runnable parse) {
        if (text.contains(PROPERTY)) {
            return;
        }
        try {
            parse.run();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(prefix + location + ": " + e.getMessage(), e);
        }
    }

    /**
     * Returns whether a text is an expression, whose content is left to the framework. Rejects those that cannot work.
     */
    private boolean isExpression(String member, String text) {
        int first = text.indexOf(EXPRESSION);
        if (first < 0) {
            return false;
        }
        String subject = "The " + member + " \"" + text + "\" of " + location;
        boolean alone = text.endsWith("}") || member.equals("permits");
        if (first > 0 || text.indexOf(EXPRESSION, 1) > 0 || !alone) {
            throw new IllegalArgumentException(subject
                    + " mixes text with an expression, so a missing value would become the text \"null\"; "
                    + "write a single expression such as \"#{ account.id }\".");
        }
        if (secured) {
            throw new IllegalArgumentException(subject
                    + " is an expression on a method with a security annotation, and micronaut-security would then reject"
                    + " every request; write a template such as \"{principal}\" or \"{path:id}\".");
        }
        if (webSocket) {
            throw new IllegalArgumentException(subject
                    + " is an expression on a WebSocket, whose connections and messages are limited before there are"
                    + " arguments; write a template such as \"{principal}\" or \"{path:room}\".");
        }
        return true;
    }
}
