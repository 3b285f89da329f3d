package io.github.micronautratelimit.web;

import java.time.DateTimeException;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the conditions of a case from text, such as {@code role:gold and method:POST}. Each refusal names the part and
 * says what to write.
 */
final class CaseText {

    /** The word of the case for all requests that no earlier case matches. */
    static final String OTHERWISE = "otherwise";

    static final String AND = " and ";

    private static final String WORDS = "anonymous, authenticated, role:gold, claim:plan=pro, header:X-Plan=pro,"
            + " method:POST, path:/admin/**, ip:10.0.0.0/8, time:09:00-17:00 Europe/Berlin or otherwise, and join several"
            + " by \" and \"";

    /** A name of a role has no character that might separate it from another one. */
    private static final Pattern ROLE = Pattern.compile("[^\\s,;|=*?\"\\\\]+");
    /** A token of RFC 9110, section 5.6.2. */
    private static final Pattern HEADER = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");

    private static final Pattern TIMES = Pattern.compile("(\\d\\d:\\d\\d)-(\\d\\d:\\d\\d)(?:\\s+(\\S+))?");
    private static final String MIDNIGHT_AT_END = "24:00";

    private final String context;

    /**
     * Creates a reader.
     *
     * @param context the path of the application, which the paths of requests start with; empty for the root
     */
    CaseText(String context) {
        this.context = context;
    }

    /**
     * Reads conditions that must all hold.
     *
     * @param texts one or more conditions each, joined by " and "
     * @return the conditions; none if the case is for all requests
     * @throws IllegalArgumentException if a condition is malformed, or two of them contradict each other
     */
    List<CaseCondition> conditions(List<String> texts) {
        List<String> parts = texts.stream()
                .flatMap(text -> Arrays.stream(text.split(AND, -1)))
                .map(String::strip)
                .toList();
        if (parts.contains(OTHERWISE)) {
            if (parts.size() > 1) {
                throw new IllegalArgumentException("\"" + String.join(AND, parts)
                        + "\": otherwise means all requests that no earlier case matches, so no other condition may stand"
                        + " beside it; remove one of them.");
            }
            return List.of();
        }
        List<CaseCondition> conditions = new ArrayList<>();
        for (String part : parts) {
            CaseCondition condition = condition(part);
            for (CaseCondition earlier : conditions) {
                if (earlier.excludes(condition) || condition.excludes(earlier)) {
                    throw new IllegalArgumentException("\"" + earlier + "\" and \"" + condition
                            + "\" never hold together, so the case would match no request; remove one of them.");
                }
            }
            conditions.add(condition);
        }
        return List.copyOf(conditions);
    }

    private CaseCondition condition(String text) {
        int colon = text.indexOf(':');
        String word = colon < 0 ? text : text.substring(0, colon);
        String value = colon < 0 ? "" : text.substring(colon + 1).strip();
        return switch (word) {
            case "anonymous", "authenticated" -> user(text, word, colon);
            case "role" -> role(text, value);
            case "claim" -> claim(text, value);
            case "header" -> header(text, value);
            case "method" -> method(text, value);
            case "path" -> path(text, value);
            case "ip" -> client(text, value);
            case "time" -> time(text, value);
            default -> throw wrong(text, "unknown condition; write " + WORDS + ".");
        };
    }

    private static CaseCondition user(String text, String word, int colon) {
        if (colon >= 0) {
            throw wrong(text, "the condition has no value; write \"" + word + "\".");
        }
        return new CaseCondition.User(word.equals("authenticated"));
    }

    private static CaseCondition role(String text, String value) {
        Set<String> names = new TreeSet<>();
        for (String name : value.split("\\|", -1)) {
            if (!ROLE.matcher(name.strip()).matches()) {
                throw wrong(
                        text,
                        "\"" + name.strip() + "\" is not the name of a role; write one such as \"role:gold\", or"
                                + " several such as \"role:gold|silver\".");
            }
            names.add(name.strip());
        }
        return new CaseCondition.Role(List.copyOf(names));
    }

    private static CaseCondition claim(String text, String value) {
        int equals = value.indexOf('=');
        if (equals < 1 || equals == value.length() - 1) {
            throw wrong(text, "a claim has a name and a value; write both, such as \"claim:plan=pro\".");
        }
        return new CaseCondition.Claim(
                value.substring(0, equals).strip(), value.substring(equals + 1).strip());
    }

    private static CaseCondition header(String text, String value) {
        int equals = value.indexOf('=');
        String name = (equals < 0 ? value : value.substring(0, equals)).strip();
        String expected = equals < 0 ? null : value.substring(equals + 1).strip();
        if (!HEADER.matcher(name).matches()) {
            throw wrong(
                    text,
                    (name.isEmpty() ? "the header has no name" : "\"" + name + "\" is not the name of a header")
                            + "; write one such as \"header:X-Plan=pro\".");
        }
        if (expected != null && expected.isEmpty()) {
            throw wrong(
                    text,
                    "the value is empty, which no header has; write one such as \"header:" + name + "=pro\", or"
                            + " \"header:" + name + "\" for any value.");
        }
        return new CaseCondition.Header(name.toLowerCase(Locale.ROOT), expected);
    }

    private static CaseCondition method(String text, String value) {
        try {
            return new CaseCondition.Method(
                    List.copyOf(new TreeSet<>(PathRule.methods(List.of(value.split("\\|", -1))))));
        } catch (IllegalArgumentException e) {
            throw wrong(
                    text,
                    "\"" + value + "\" is not an HTTP method; write one such as \"method:POST\", or several such as"
                            + " \"method:POST|PUT\".");
        }
    }

    private CaseCondition path(String text, String value) {
        try {
            return new CaseCondition.Path(value.toLowerCase(Locale.ROOT), new PathRule(context, value, List.of()));
        } catch (IllegalArgumentException e) {
            throw wrong(text, String.valueOf(e.getMessage()));
        }
    }

    private static CaseCondition client(String text, String value) {
        List<AddressRange> ranges = new ArrayList<>();
        for (String range : value.split("\\|", -1)) {
            try {
                ranges.add(AddressRange.parse(range));
            } catch (IllegalArgumentException e) {
                throw wrong(text, String.valueOf(e.getMessage()));
            }
        }
        return new CaseCondition.Client(List.copyOf(ranges));
    }

    private static CaseCondition time(String text, String value) {
        Matcher times = TIMES.matcher(value);
        LocalTime from = times.matches() ? time(times.group(1)) : null;
        LocalTime to = from == null ? null : time(times.group(2).equals(MIDNIGHT_AT_END) ? "00:00" : times.group(2));
        if (from == null || to == null || from.equals(to)) {
            throw wrong(
                    text,
                    "the part of the day is not two different times; write one such as"
                            + " \"time:09:00-17:00 Europe/Berlin\".");
        }
        return new TimeOfDay(from, to, zone(text, times.group(3)));
    }

    private static @Nullable LocalTime time(String text) {
        try {
            return LocalTime.parse(text);
        } catch (DateTimeException e) {
            return null;
        }
    }

    private static ZoneId zone(String text, @Nullable String zone) {
        if (zone == null) {
            throw wrong(text, "the zone of the times is missing; write one such as \"UTC\" or \"Europe/Berlin\".");
        }
        try {
            return ZoneId.of(zone);
        } catch (DateTimeException e) {
            throw wrong(text, "\"" + zone + "\" is not a time zone; write one such as \"UTC\" or \"Europe/Berlin\".");
        }
    }

    private static IllegalArgumentException wrong(String text, String reason) {
        return new IllegalArgumentException("\"" + text + "\": " + reason);
    }
}
