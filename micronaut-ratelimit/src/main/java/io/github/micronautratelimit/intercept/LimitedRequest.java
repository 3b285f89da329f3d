package io.github.micronautratelimit.intercept;

import java.util.List;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decisions;
import io.micronaut.core.type.Argument;
import io.micronaut.http.HttpRequest;
import io.micronaut.inject.ExecutableMethod;

/**
 * What goes with a request that limits apply to, from the filters to the advice: the limits still to be enforced and what
 * was decided so far. Used by one thread after the other, as the request is.
 */
public final class LimitedRequest {

    private static final String ATTRIBUTE = LimitedRequest.class.getName();

    private final @Nullable ExecutableMethod<?, ?> route;
    private final List<AppliedLimit> afterAuthentication;
    private final AtEnd atEnd = new AtEnd();
    private @Nullable List<AppliedLimit> left;
    private @Nullable Decisions decisions;
    private boolean upgrade;

    private LimitedRequest(@Nullable ExecutableMethod<?, ?> route, List<AppliedLimit> afterAuthentication,
                           List<AppliedLimit> left) {
        this.route = route;
        this.afterAuthentication = afterAuthentication;
        this.left = left;
    }

    /**
     * Begins to limit a request.
     *
     * @param request             the request
     * @param route               the method of its route, or {@code null} if it has none
     * @param afterAuthentication the limits to be enforced once the request is authenticated
     * @param left                the limits that are left to the advice
     * @return what goes with the request from now on
     */
    public static LimitedRequest begin(HttpRequest<?> request, @Nullable ExecutableMethod<?, ?> route,
                                       List<AppliedLimit> afterAuthentication, List<AppliedLimit> left) {
        LimitedRequest limited = new LimitedRequest(route, afterAuthentication, left);
        request.setAttribute(ATTRIBUTE, limited);
        return limited;
    }

    /**
     * What goes with a request.
     *
     * @param request the request
     * @return {@code null} if no limit applies to it, or none has been looked for yet
     */
    public static @Nullable LimitedRequest of(HttpRequest<?> request) {
        return request.getAttributes().getValue(ATTRIBUTE) instanceof LimitedRequest limited ? limited : null;
    }

    /**
     * Marks the request as one that is to open a WebSocket.
     *
     * @return this
     */
    public LimitedRequest asUpgrade() {
        upgrade = true;
        return this;
    }

    /**
     * Whether the request is to open a WebSocket.
     *
     * @return {@code false} for any other request
     */
    public boolean isUpgrade() {
        return upgrade;
    }

    /**
     * The limits to be enforced once the request is authenticated.
     *
     * @return the limits
     */
    public List<AppliedLimit> afterAuthentication() {
        return afterAuthentication;
    }

    /**
     * What was decided so far.
     *
     * @return the decisions, or {@code null}
     */
    public @Nullable Decisions decisions() {
        return decisions;
    }

    /**
     * Keeps what was decided.
     *
     * @param made all decisions so far
     */
    public void decided(Decisions made) {
        decisions = made;
    }

    /**
     * What is to be done when the response is written, or the client gone: places are given back then.
     *
     * @return the same for as long as the request lasts
     */
    public AtEnd atEnd() {
        return atEnd;
    }

    /** Adds what the advice has granted, if it was on the route's own method. */
    void granted(ExecutableMethod<?, ?> method, Decisions made) {
        if (route != null && isSame(route, method)) {
            decisions = decisions == null ? made : decisions.and(made);
        }
    }

    /**
     * The limits left to the advice on the route's method, for its first call: the filters have enforced the others.
     * Further calls of the method, for example by itself, count in full.
     *
     * @return {@code null} if it is another method, or the call is not the first
     */
    @Nullable List<AppliedLimit> takeLeft(ExecutableMethod<?, ?> method) {
        if (route == null || !isSame(route, method)) {
            return null;
        }
        List<AppliedLimit> taken = left;
        left = null;
        return taken;
    }

    /** The route and the advice may know the same method by different objects. */
    private static boolean isSame(ExecutableMethod<?, ?> route, ExecutableMethod<?, ?> method) {
        if (route == method) {
            return true;
        }
        Argument<?>[] ofRoute = route.getArguments();
        Argument<?>[] ofMethod = method.getArguments();
        boolean same = route.getDeclaringType() == method.getDeclaringType()
                && route.getMethodName().equals(method.getMethodName()) && ofRoute.length == ofMethod.length;
        for (int i = 0; same && i < ofRoute.length; i++) {
            same = ofRoute[i].getType() == ofMethod[i].getType();
        }
        return same;
    }
}
