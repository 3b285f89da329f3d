package io.github.micronautratelimit.web;

import java.util.Collection;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The requests a rule is for: an Ant pattern of their paths, and their methods. Who may GET may also ask for the HEAD.
 */
public final class PathRule {

    private final PathPattern path;
    private final Set<String> methods;

    /**
     * A rule.
     *
     * @param path    a pattern that starts with a slash, such as <code>/api/**</code>
     * @param methods names of methods; none for all
     * @throws IllegalArgumentException if the pattern does not start with a slash
     */
    public PathRule(String path, Collection<String> methods) {
        if (!path.startsWith("/")) {
            throw new IllegalArgumentException(
                    "\"" + path + "\" does not start with a slash; write a pattern like \"/api/**\".");
        }
        this.path = new PathPattern(path);
        this.methods = methods.stream().map(method -> method.toUpperCase(Locale.ROOT))
                .flatMap(method -> method.equals("GET") ? Stream.of("GET", "HEAD") : Stream.of(method))
                .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * Whether the rule is for a request, however its path is written.
     *
     * @param method the request's method
     * @param path   the request's path
     * @return {@code true} if it is
     */
    public boolean matches(String method, RequestPath path) {
        return (methods.isEmpty() || methods.contains(method.toUpperCase(Locale.ROOT))) && path.mayMatch(this.path);
    }

    /**
     * Whether the rule, as one that exempts, is for a request beyond doubt.
     *
     * @param path the request's path
     * @return {@code false} also if the path may be read in a way that does not match
     */
    public boolean exempts(RequestPath path) {
        return path.surelyMatches(this.path);
    }
}
