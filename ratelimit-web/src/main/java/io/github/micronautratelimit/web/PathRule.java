package io.github.micronautratelimit.web;

import java.util.Collection;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * Selects requests by an Ant pattern of the path within the application and by methods. A rule for GET includes HEAD.
 */
public final class PathRule {

    /** The methods of the IANA registry, and PURGE, which caches know. */
    private static final Set<String> METHODS =
            Set.of(("GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT QUERY PURGE ACL BASELINE-CONTROL BIND CHECKIN"
                            + " CHECKOUT COPY LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE"
                            + " ORDERPATCH PROPFIND PROPPATCH REBIND REPORT SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE"
                            + " UPDATEREDIRECTREF VERSION-CONTROL")
                    .split(" "));

    private final PathPattern path;
    private final Set<String> methods;

    /**
     * Creates a rule for an application at the root of its server.
     *
     * @param path    a pattern that starts with a slash, such as <code>/api/**</code>; a variable such as
     *                <code>{id}</code> stands for one segment
     * @param methods the names of the methods in any case; none for all
     * @throws IllegalArgumentException if the pattern is malformed or a method is unknown
     */
    public PathRule(String path, Collection<String> methods) {
        this("", path, methods);
    }

    /**
     * Creates a rule.
     *
     * @param context the path of the application, such as {@code /shop}, which the paths of requests start with; empty
     *                for the root
     * @param path    a pattern of paths within the application
     * @param methods the names of the methods in any case; none for all
     * @throws IllegalArgumentException if the pattern is malformed or a method is unknown
     */
    public PathRule(String context, String path, Collection<String> methods) {
        this.path = new PathPattern(context, path);
        this.methods = methods(methods);
    }

    /** Returns the names of methods in upper case, with HEAD if GET is among them. */
    static Set<String> methods(Collection<String> methods) {
        Set<String> names = new TreeSet<>();
        for (String method : methods) {
            String name = method.strip().toUpperCase(Locale.ROOT);
            if (!METHODS.contains(name)) {
                throw new IllegalArgumentException(
                        "\"" + method + "\" is not an HTTP method; write methods such as [GET,"
                                + " POST], or leave the methods out for all of them.");
            }
            names.add(name);
        }
        if (names.contains("GET")) {
            names.add("HEAD");
        }
        return Set.copyOf(names);
    }

    /**
     * Returns whether the rule applies to a request, in any reading of its path.
     *
     * @param method the method of the request
     * @param path   the path of the request
     * @return {@code true} if at least one reading matches
     */
    public boolean matches(String method, RequestPath path) {
        return (methods.isEmpty() || methods.contains(method.toUpperCase(Locale.ROOT))) && path.mayMatch(this.path);
    }

    /**
     * Returns whether the rule exempts a request in every reading of its path.
     *
     * @param path the path of the request
     * @return {@code false} if at least one reading does not match
     */
    public boolean exempts(RequestPath path) {
        return path.surelyMatches(this.path);
    }

    /**
     * Returns whether the rule names a method, so that it applies to this method on purpose.
     *
     * @param method the name of a method
     * @return {@code false} if the rule does not name it, or applies to all methods
     */
    public boolean names(String method) {
        return methods.contains(method.toUpperCase(Locale.ROOT));
    }

    /**
     * Returns whether this rule selects every request that another one selects.
     *
     * @param other the other rule
     * @return {@code true} if it certainly does
     */
    public boolean covers(PathRule other) {
        return (methods.isEmpty() || !other.methods.isEmpty() && methods.containsAll(other.methods))
                && path.covers(other.path);
    }

    /**
     * Returns whether all paths of a route lie under the pattern, whatever the values of its variables.
     *
     * @param template the template of the route, such as <code>/health/{name}</code>
     * @return {@code true} if the text before the first variable matches the pattern
     */
    public boolean coversRoute(String template) {
        return path.coversRoute(template);
    }

    /**
     * Returns whether the pattern matches a path of a route for some values of its variables.
     *
     * @param template the template of the route, such as <code>/orders/{id}</code>
     * @return {@code false} if it certainly does not
     */
    public boolean mayMatchRoute(String template) {
        return path.mayMatchRoute(template);
    }
}
