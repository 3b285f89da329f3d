package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.Decisions;
import jakarta.servlet.ServletRequest;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The limits of one filter that were applied to a request, and the decisions so far. A request may be dispatched to
 * several paths, and each limit counts it once. Not thread-safe: the threads of a request use it one after the other.
 */
final class AppliedLimits {

    private final Set<PathLimit> limits = Collections.newSetFromMap(new IdentityHashMap<>());
    private @Nullable Decisions allowed;
    private boolean ending;

    private AppliedLimits() {}

    static AppliedLimits of(ServletRequest request, String attribute) {
        if (request.getAttribute(attribute) instanceof AppliedLimits known) {
            return known;
        }
        AppliedLimits applied = new AppliedLimits();
        request.setAttribute(attribute, applied);
        return applied;
    }

    boolean contains(PathLimit limit) {
        return limits.contains(limit);
    }

    void add(List<PathLimit> due) {
        limits.addAll(due);
    }

    /** Adds decisions that allowed the request, and returns all of them. */
    Decisions allowed(Decisions decisions) {
        allowed = allowed == null ? decisions : allowed.and(decisions);
        return allowed;
    }

    /** Returns whether the caller is the first to ask, and so ends the request. */
    boolean beginEnd() {
        boolean first = !ending;
        ending = true;
        return first;
    }

    /** Returns the decisions that allowed the request, once; {@code null} if there are none, or they were taken. */
    @Nullable
    Decisions take() {
        Decisions earlier = allowed;
        allowed = null;
        return earlier;
    }
}
