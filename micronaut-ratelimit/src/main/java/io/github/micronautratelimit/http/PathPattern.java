package io.github.micronautratelimit.http;

import io.micronaut.core.util.PathMatcher;

/**
 * An Ant pattern such as <code>/api/**</code>. Most paths are told apart by the text before the first wildcard, which is
 * compared before the pattern is.
 */
final class PathPattern {

    private final String pattern;
    private final String start;

    PathPattern(String pattern) {
        this.pattern = pattern;
        int wildcard = 0;
        while (wildcard < pattern.length() && "*?{".indexOf(pattern.charAt(wildcard)) < 0) {
            wildcard++;
        }
        // "/health/**" matches "/health" too.
        boolean slash = wildcard > 0 && pattern.charAt(wildcard - 1) == '/';
        this.start = pattern.substring(0, slash ? wildcard - 1 : wildcard);
    }

    boolean matches(String path) {
        return path.startsWith(start) && PathMatcher.ANT.matches(pattern, path);
    }
}
