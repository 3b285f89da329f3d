package io.github.micronautratelimit.web;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An Ant pattern for paths: {@code ?} matches one character, {@code *} any number of characters in a segment, {@code
 * **} any number of segments, including none. A variable such as <code>{id}</code> is a {@code *}. Case-insensitive.
 *
 * <p>The pattern is one of paths within the application. A path outside it, such as that of a file that the server
 * reads from elsewhere, is matched as a whole.
 */
final class PathPattern {

    private static final String STARS = "**";
    private static final Pattern VARIABLE = Pattern.compile("\\{[\\w-]+}");
    /** A variable of a route, with or without a regular expression, that matches within a segment. */
    private static final Pattern ONE_SEGMENT = Pattern.compile("\\{[\\w-]+(?::[^/{}.]*)?}");

    private static final Pattern SLASHES = Pattern.compile("//+");
    private static final Pattern QUERY = Pattern.compile("\\?[^/]*=");
    /** Variables and choices of other libraries: {@code :id}, {@code <id>}, {@code [0-9]+}, {@code a|b}. */
    private static final Pattern FOREIGN =
            Pattern.compile(":[a-z_][\\w-]*[?*+]?|[^/]*[<>\\[\\]|^][^/]*|[^/]*\\\\[dwsb][^/]*");

    private static final Pattern ESCAPE = Pattern.compile("%[0-9a-f]{2}");

    private static final String EXAMPLE = "; write a pattern like \"/api/**\".";

    private final String context;
    private final String[] segments;
    private final String start;

    /**
     * Parses a pattern.
     *
     * @param context the path of the application, such as {@code /shop}; empty for the root
     * @param pattern the pattern
     * @throws IllegalArgumentException if the pattern can match no path, or not those that it seems to mean
     */
    PathPattern(String context, String pattern) {
        String lower = pattern.strip().toLowerCase(Locale.ROOT);
        this.context = context.toLowerCase(Locale.ROOT);
        check(pattern, lower, context);
        String path = VARIABLE.matcher(SLASHES.matcher(lower).replaceAll("/")).replaceAll("*");
        this.segments = split(path.length() > 1 && path.endsWith("/") ? path.substring(0, path.length() - 1) : path);
        this.start = start(segments);
    }

    private static void check(String pattern, String lower, String context) {
        String subject = "\"" + pattern + "\" ";
        if (!lower.startsWith("/")) {
            throw new IllegalArgumentException(subject + "does not start with a slash" + EXAMPLE);
        }
        Matcher open = Pattern.compile("\\{[^/]*|[^/]*}")
                .matcher(VARIABLE.matcher(lower).replaceAll("*"));
        if (open.find()) {
            throw new IllegalArgumentException(subject + "contains \"" + open.group()
                    + "\", which is not a variable of one segment; write \"*\" for a segment, or \"/**\" for the rest of"
                    + " the path.");
        }
        if (QUERY.matcher(lower).find()) {
            throw new IllegalArgumentException(
                    subject + "contains a query, but a pattern matches paths only; remove it.");
        }
        if (ESCAPE.matcher(lower).find()) {
            throw new IllegalArgumentException(subject
                    + "contains an escape, but a pattern is compared with paths without escapes; write the character"
                    + " itself.");
        }
        for (String segment : split(lower)) {
            if (segment.contains(STARS) && !segment.equals(STARS)) {
                throw new IllegalArgumentException(subject + "contains \"" + segment
                        + "\", but ** stands for whole segments; write \"/**\" after the slash of a path, or \"*\" within a"
                        + " segment.");
            }
            if (FOREIGN.matcher(segment).matches()) {
                throw new IllegalArgumentException(subject + "contains \"" + segment
                        + "\", which is the syntax of another library; write \"*\" or a variable such as \"{id}\" for a"
                        + " segment, and one rule for each path.");
            }
            if (segment.equals(".") || segment.equals("..")) {
                throw new IllegalArgumentException(subject + "contains the segment \"" + segment
                        + "\", which the paths of requests do not have; write the path that it leads to.");
            }
        }
        if (!context.isEmpty() && isWithin(lower, context.toLowerCase(Locale.ROOT))) {
            throw new IllegalArgumentException(subject + "starts with the context path \"" + context
                    + "\", but a pattern matches paths within the application; write \""
                    + (lower.length() == context.length()
                            ? "/"
                            : pattern.strip().substring(context.length())) + "\".");
        }
    }

    private static boolean isWithin(String path, String context) {
        return path.startsWith(context) && (path.length() == context.length() || path.charAt(context.length()) == '/');
    }

    /** Returns the text that every match starts with: "/health" for "/health/**", which also matches "/health". */
    private static String start(String[] segments) {
        StringBuilder start = new StringBuilder();
        for (String segment : segments) {
            int wildcard = 0;
            while (wildcard < segment.length() && "*?".indexOf(segment.charAt(wildcard)) < 0) {
                wildcard++;
            }
            if (wildcard > 0) {
                start.append('/').append(segment, 0, wildcard);
            }
            if (wildcard < segment.length()) {
                break;
            }
        }
        return start.toString();
    }

    /** Returns whether a path in lower case matches. Rejects most paths by comparing the start of the pattern. */
    boolean matches(String path) {
        String within = within(path);
        return within.startsWith(start) && matches(0, split(within), 0);
    }

    private String within(String path) {
        return !context.isEmpty() && isWithin(path, context) ? path.substring(context.length()) : path;
    }

    /** Returns whether this pattern certainly matches every path that another one matches. */
    boolean covers(PathPattern other) {
        return covers(Arrays.asList(segments), Arrays.asList(other.segments));
    }

    private static boolean covers(List<String> wide, List<String> narrow) {
        if (wide.isEmpty() || narrow.isEmpty()) {
            return narrow.isEmpty() && wide.stream().allMatch(STARS::equals);
        }
        List<String> wideRest = wide.subList(1, wide.size());
        List<String> narrowRest = narrow.subList(1, narrow.size());
        if (wide.get(0).equals(STARS)) {
            return covers(wideRest, narrow) || covers(wide, narrowRest);
        }
        return segmentCovers(wide.get(0), narrow.get(0)) && covers(wideRest, narrowRest);
    }

    private static boolean segmentCovers(String wide, String narrow) {
        return wide.equals(narrow)
                || wide.equals("*") && !narrow.equals(STARS)
                || isLiteral(narrow) && segmentMatches(wide, narrow);
    }

    /** Returns whether this pattern matches all paths of a route: the part of it before the first variable matches. */
    boolean coversRoute(String template) {
        String literal = literal(template);
        return matches(
                literal.length() > 1 && literal.endsWith("/") ? literal.substring(0, literal.length() - 1) : literal);
    }

    /** Returns whether this pattern may match a path of a route. */
    boolean mayMatchRoute(String template) {
        String path =
                ONE_SEGMENT.matcher(within(template.toLowerCase(Locale.ROOT))).replaceAll("*");
        int rest = path.indexOf('{');
        String simple = rest < 0 ? path : path.substring(0, path.lastIndexOf('/', rest)) + "/" + STARS;
        return intersects(Arrays.asList(segments), Arrays.asList(split(simple)));
    }

    private static boolean intersects(List<String> one, List<String> other) {
        if (one.isEmpty() && other.isEmpty()) {
            return true;
        }
        if (!one.isEmpty() && one.get(0).equals(STARS)) {
            return intersects(one.subList(1, one.size()), other)
                    || !other.isEmpty() && intersects(one, other.subList(1, other.size()));
        }
        if (!other.isEmpty() && other.get(0).equals(STARS)) {
            return intersects(other, one);
        }
        return !one.isEmpty()
                && !other.isEmpty()
                && segmentIntersects(one.get(0), other.get(0))
                && intersects(one.subList(1, one.size()), other.subList(1, other.size()));
    }

    private static boolean segmentIntersects(String one, String other) {
        return isLiteral(other) ? segmentMatches(one, other) : !isLiteral(one) || segmentMatches(other, one);
    }

    private static boolean isLiteral(String segment) {
        return segment.indexOf('*') < 0 && segment.indexOf('?') < 0;
    }

    /** Returns the start of a template, before the first variable or wildcard, in lower case. */
    private static String literal(String template) {
        int end = 0;
        while (end < template.length() && "{*?".indexOf(template.charAt(end)) < 0) {
            end++;
        }
        return template.substring(0, end).toLowerCase(Locale.ROOT);
    }

    private boolean matches(int pattern, String[] path, int at) {
        int p = pattern;
        int s = at;
        int afterStars = -1;
        int retry = 0;
        while (s < path.length) {
            if (p < segments.length && segments[p].equals("**")) {
                afterStars = ++p;
                retry = s;
            } else if (p < segments.length && segmentMatches(segments[p], path[s])) {
                p++;
                s++;
            } else if (afterStars >= 0) {
                p = afterStars;
                s = ++retry;
            } else {
                return false;
            }
        }
        while (p < segments.length && segments[p].equals("**")) {
            p++;
        }
        return p == segments.length;
    }

    private static boolean segmentMatches(String pattern, String segment) {
        int p = 0;
        int s = 0;
        int star = -1;
        int retry = 0;
        while (s < segment.length()) {
            if (p < pattern.length() && pattern.charAt(p) == '*') {
                star = p++;
                retry = s;
            } else if (p < pattern.length() && (pattern.charAt(p) == '?' || pattern.charAt(p) == segment.charAt(s))) {
                p++;
                s++;
            } else if (star >= 0) {
                p = star + 1;
                s = ++retry;
            } else {
                return false;
            }
        }
        while (p < pattern.length() && pattern.charAt(p) == '*') {
            p++;
        }
        return p == pattern.length();
    }

    /** Returns the segments after the leading slash; none for the root. */
    private static String[] split(String path) {
        String inner = path.startsWith("/") ? path.substring(1) : path;
        return inner.isEmpty() ? new String[0] : inner.split("/", -1);
    }
}
