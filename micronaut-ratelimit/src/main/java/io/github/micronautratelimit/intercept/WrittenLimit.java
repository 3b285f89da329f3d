package io.github.micronautratelimit.intercept;

import java.util.List;

import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.micronaut.core.annotation.AnnotationMetadata;

/**
 * The texts of one {@code @RateLimit}, as they are written: checked by the compiler and again when the application starts.
 *
 * @param place   names the annotation in messages, for example {@code @RateLimit on com.shop.Orders.list()}
 * @param value   limits, or empty
 * @param policy  a policy's name, or empty
 * @param key     a template or an expression, or empty
 * @param permits a number, a placeholder or an expression
 * @param secured whether the method or its class carries a security annotation
 * @param socket  whether connections to a WebSocket are limited, or its messages
 */
public record WrittenLimit(String place, String value, String policy, String key, String permits, boolean secured,
                           boolean socket) {

    private static final List<String> SECURITY_ANNOTATIONS = List.of(
            "io.micronaut.security.annotation.Secured", "jakarta.annotation.security.RolesAllowed",
            "jakarta.annotation.security.PermitAll", "jakarta.annotation.security.DenyAll");

    private static final String EXPRESSION = "#{";
    private static final String PROPERTY = "${";

    /**
     * Whether an element carries a security annotation, which an expression beside it would break.
     *
     * @param element a method or class, of a running application or of one being compiled
     * @return {@code true} if it does
     */
    public static boolean isSecured(AnnotationMetadata element) {
        return SECURITY_ANNOTATIONS.stream().anyMatch(element::hasStereotype);
    }

    /**
     * Refuses texts that could never work. What is left to a property is not looked at.
     *
     * @throws IllegalArgumentException if one is wrong; the message is one sentence that says where and what to write
     */
    public void check() {
        if (value.isEmpty() && policy.isEmpty()) {
            throw new IllegalArgumentException(place + " names neither limits nor a policy; "
                    + "write @RateLimit(\"100/min\") or @RateLimit(policy = \"write\").");
        }
        if (!value.isEmpty()) {
            check("", value, () -> Limits.parse(value));
        }
        if (!key.isEmpty() && isChecked("key", key)) {
            check("The key of ", key, () -> KeyTemplate.parse(key));
        }
        if (isChecked("permits", permits)) {
            check("The permits of ", permits, () -> Cost.parse(permits));
        }
    }

    private void check(String what, String text, Runnable parse) {
        if (text.contains(PROPERTY)) {
            return;
        }
        try {
            parse.run();
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(what + place + ": " + e.getMessage(), e);
        }
    }

    /** Whether the text is to be parsed here: an expression is the framework's, and is only looked at from outside. */
    private boolean isChecked(String member, String text) {
        int first = text.indexOf(EXPRESSION);
        if (first < 0) {
            return true;
        }
        if (first > 0 || text.indexOf(EXPRESSION, 1) > 0 || !text.endsWith("}")) {
            throw new IllegalArgumentException("The " + member + " \"" + text + "\" of " + place
                    + " mixes text with an expression, so that a missing value would read \"null\"; "
                    + "write one expression alone, like \"#{ account.id }\".");
        }
        if (secured) {
            throw new IllegalArgumentException("The " + member + " \"" + text + "\" of " + place
                    + " is an expression on a method with a security annotation, which would make micronaut-security"
                    + " refuse everybody; write a template like \"{principal}\" or \"{path:id}\".");
        }
        if (socket) {
            throw new IllegalArgumentException("The " + member + " \"" + text + "\" of " + place
                    + " is an expression on a WebSocket, whose connections and messages are limited before they have"
                    + " become arguments; write a template like \"{principal}\" or \"{path:room}\".");
        }
        return false;
    }
}
