package io.github.micronautratelimit.guide;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A setting as the metadata in a module's jar describes it. What its description says after {@code Default:} is its default: a
 * literal if it is code, alone or before a comma, else words.
 *
 * @param name        such as {@code ratelimit.policies.*.limits}
 * @param type        the class of its value
 * @param owner       the class that is configured
 * @param description as in the Javadoc
 */
record Setting(String name, Class<?> type, Class<?> owner, String description) {

    private static final Pattern CODE = Pattern.compile("\\{@code ((?:[^{}]|\\{[^}]*})*)}|<code>(.*?)</code>");
    private static final Pattern DEFAULT = Pattern.compile(" ?Default: (.*)\\.$");
    private static final Map<String, String> TYPES = Map.of("List", "list", "String", "text", "Duration", "duration",
            "int", "number", "long", "number", "boolean", "`true` or `false`");

    /** The name as it is written, with NAME and N where there may be several. */
    String written() {
        return name.replace(".*.", ".NAME.").replace("[*]", "[N]");
    }

    /** What the name is within. */
    String prefix() {
        return written().substring(0, written().lastIndexOf('.'));
    }

    String property() {
        return written().substring(written().lastIndexOf('.') + 1);
    }

    String meaning() {
        return asciiDoc(DEFAULT.matcher(description).replaceFirst(""));
    }

    /** The default as it is told; nothing if there is none. */
    String told() {
        Matcher told = DEFAULT.matcher(description);
        return told.find() ? asciiDoc(told.group(1)) : "";
    }

    /** The default, if it is told as a literal. */
    Optional<String> literal() {
        Matcher told = DEFAULT.matcher(description);
        if (!told.find()) {
            return Optional.empty();
        }
        Matcher code = CODE.matcher(told.group(1));
        return code.lookingAt() && told.group(1).substring(code.end()).matches("(,.*)?") ? Optional.of(code(code)) : Optional.empty();
    }

    String values() {
        return type.isEnum() ? Arrays.stream(type.getEnumConstants()).map(value -> "`" + text(value) + "`")
                .collect(Collectors.joining(", ")) : TYPES.getOrDefault(type.getSimpleName(), "?" + type);
    }

    /** A constant as it is written in a configuration. */
    static String text(Object constant) {
        return constant.toString().toLowerCase().replace('_', '-');
    }

    private static String code(MatchResult code) {
        return code.group(1) != null ? code.group(1) : code.group(2);
    }

    private static String asciiDoc(String text) {
        return CODE.matcher(text).replaceAll(code -> Matcher.quoteReplacement(
                "`+" + code(code).replace("|", "\\|") + "+`"));
    }
}
