package io.github.micronautratelimit.web;

import java.util.Locale;

/**
 * An Ant pattern for paths: {@code ?} is one character, {@code *} any number of them within a segment, {@code **} any
 * number of segments, also none. The case of letters does not matter.
 */
final class PathPattern {

    private final String[] segments;
    private final String start;

    PathPattern(String pattern) {
        String lower = pattern.toLowerCase(Locale.ROOT);
        this.segments = split(lower);
        int wildcard = 0;
        while (wildcard < lower.length() && "*?".indexOf(lower.charAt(wildcard)) < 0) {
            wildcard++;
        }
        // "/health/**" matches "/health" too.
        boolean slash = wildcard > 0 && lower.charAt(wildcard - 1) == '/';
        this.start = lower.substring(0, slash ? wildcard - 1 : wildcard);
    }

    /** Whether a path in lower case matches. Most do not start as the pattern does, and are not looked at further. */
    boolean matches(String path) {
        return path.startsWith(start) && matches(0, split(path), 0);
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

    /** The segments after the leading slash; none for the root. */
    private static String[] split(String path) {
        String inner = path.startsWith("/") ? path.substring(1) : path;
        return inner.isEmpty() ? new String[0] : inner.split("/", -1);
    }
}
