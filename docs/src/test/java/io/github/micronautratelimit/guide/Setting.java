package io.github.micronautratelimit.guide;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A setting from the metadata in the jar of a module. The description states the default after {@code Default:}. The
 * default is a literal if it is code, alone or before a comma.
 *
 * @param name        such as {@code ratelimit.policies.*.limits}
 * @param type        the class of the value
 * @param owner       the configuration class
 * @param description the text of the Javadoc
 */
record Setting(String name, Class<?> type, Class<?> owner, String description) {

    private static final Pattern CODE = Pattern.compile("\\{@code ((?:[^{}]|\\{[^}]*})*)}|<code>(.*?)</code>");
    private static final Pattern DEFAULT = Pattern.compile(" ?Default: (.*)\\.$");
    private static final Map<String, String> TYPES = Map.of(
            "List",
            "list",
            "String",
            "text",
            "Duration",
            "duration",
            "double",
            "number",
            "int",
            "number",
            "long",
            "number",
            "boolean",
            "`true` or `false`");

    /** Returns the name in the reference, with NAME and N as placeholders. */
    String placeholderName() {
        return name.replace(".*.", ".NAME.").replace("[*]", "[N]");
    }

    /** Returns the name without its last part. */
    String prefix() {
        return placeholderName().substring(0, placeholderName().lastIndexOf('.'));
    }

    String property() {
        return placeholderName().substring(placeholderName().lastIndexOf('.') + 1);
    }

    String meaning() {
        return asciiDoc(DEFAULT.matcher(description).replaceFirst(""));
    }

    /** Returns the text of the default; empty without one. */
    String defaultText() {
        Matcher text = DEFAULT.matcher(description);
        return text.find() ? asciiDoc(text.group(1)) : "";
    }

    /** Returns the default if it is a literal. */
    Optional<String> literal() {
        Matcher text = DEFAULT.matcher(description);
        if (!text.find()) {
            return Optional.empty();
        }
        Matcher code = CODE.matcher(text.group(1));
        return code.lookingAt() && text.group(1).substring(code.end()).matches("(,.*)?")
                ? Optional.of(code(code))
                : Optional.empty();
    }

    String values() {
        return type.isEnum()
                ? Arrays.stream(type.getEnumConstants())
                        .map(value -> "`" + text(value) + "`")
                        .collect(Collectors.joining(", "))
                : TYPES.getOrDefault(type.getSimpleName(), "?" + type);
    }

    /** Returns a constant as text in a configuration. */
    static String text(Object constant) {
        return constant.toString().toLowerCase().replace('_', '-');
    }

    private static String code(MatchResult code) {
        return code.group(1) != null ? code.group(1) : code.group(2);
    }

    private static String asciiDoc(String text) {
        return CODE.matcher(text)
                .replaceAll(code -> Matcher.quoteReplacement("`+" + code(code).replace("|", "\\|") + "+`"));
    }
}
