package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.AsyncRateLimiter;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.web.DenialResponses;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.RequestPath;
import io.github.micronautratelimit.web.WebRequest;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.DispatcherType;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.FilterConfig;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Limits requests in any servlet container. Allowed requests continue with headers about their limits; the filter
 * responds to denied ones. If several limits apply to a request, either all grant it and are charged, or none is
 * charged.
 *
 * <pre>{@code
 * Filter filter = RateLimitFilter.of(limiter)
 *         .limit("/api/**", Policy.of("api", "100/min"), "{ip}")
 *         .trustedProxies("10.0.0.0/8")
 *         .build();
 * }</pre>
 *
 * <p>Register it once, before filters that do expensive work but after a CORS filter, for the dispatcher types
 * {@code REQUEST}, {@code ASYNC} and {@code FORWARD} and with {@code asyncSupported}. Then no thread of the container
 * waits for the store, or in turn under a policy with a wait; without asynchronous support, and for a forwarded request
 * with limits of its own, it does. Each
 * limit counts a request once, even if it is dispatched several times. A path to which a request is forwarded has its
 * own limits. CORS preflights count only under limits that name the method {@code OPTIONS}.
 *
 * <p>If the limiter fails, requests pass. A limiter of {@link RateLimiter#builder} never fails, because it has a guard.
 * Safe for use by any number of threads.
 */
public final class RateLimitFilter implements Filter {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitFilter.class);

    /** An included path adds to a response, and an error page follows a response that was counted. */
    private static final Set<DispatcherType> LIMITED =
            Set.of(DispatcherType.REQUEST, DispatcherType.ASYNC, DispatcherType.FORWARD);

    private final RateLimiter limiter;
    private final List<PathLimit> limits;
    private final Map<String, PathRule> exclude;
    private final PolicyOverrides<HttpServletRequest> overrides;
    private final ServletRequests requests;
    private final RateLimitHeaders headers;
    private final DenialResponses denials;
    private final RequestKeys keys = new RequestKeys();
    /** Names the attribute of requests with the limits that were applied; an application may have several filters. */
    private final String attribute = RateLimitFilter.class.getName() + "." + System.identityHashCode(this);

    private final AtomicBoolean failed = new AtomicBoolean();

    RateLimitFilter(
            RateLimiter limiter,
            List<PathLimit> limits,
            Map<String, PathRule> exclude,
            PolicyOverrides<HttpServletRequest> overrides,
            ServletRequests requests,
            RateLimitHeaders headers,
            DenialResponses denials) {
        this.limiter = limiter;
        this.limits = List.copyOf(limits);
        this.exclude = Map.copyOf(exclude);
        this.overrides = overrides;
        this.requests = requests;
        this.headers = headers;
        this.denials = denials;
    }

    /**
     * Creates a builder.
     *
     * @param limiter decides on requests: {@link RateLimiter#inMemory()}, or a limiter of {@link RateLimiter#builder}
     *                on a store; the filter does not close it
     * @return a builder without limits
     */
    public static RateLimitFilterBuilder of(RateLimiter limiter) {
        return new RateLimitFilterBuilder(limiter);
    }

    /**
     * Checks the paths against the context path, which only the container knows.
     *
     * @throws ServletException if a path starts with the context path, and would match nothing
     */
    @Override
    public void init(FilterConfig config) throws ServletException {
        String context = config.getServletContext().getContextPath();
        try {
            limits.forEach(limit -> new PathRule(context, limit.path(), List.of()));
            exclude.keySet().forEach(path -> new PathRule(context, path, List.of()));
        } catch (IllegalArgumentException e) {
            throw new ServletException("The rate limit filter has the path " + e.getMessage(), e);
        }
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (!(request instanceof HttpServletRequest httpRequest)
                || !(response instanceof HttpServletResponse httpResponse)
                || !LIMITED.contains(request.getDispatcherType())) {
            chain.doFilter(request, response);
            return;
        }
        AppliedLimits applied = AppliedLimits.of(request, attribute);
        List<PathLimit> due = due(httpRequest, applied);
        if (due.isEmpty()) {
            chain.doFilter(request, response);
            return;
        }
        applied.add(due);
        List<PermitRequest> permitRequests = permitRequests(httpRequest, due);
        CompletableFuture<@Nullable Lease> decided = limiter.async()
                .leaseAllInTurn(permitRequests)
                .toCompletableFuture()
                .exceptionally(this::withoutLimiter);
        if (decided.isDone() || mustWait(request)) {
            proceed(decided.join(), httpRequest, httpResponse, chain);
            return;
        }
        AsyncContext async = request.startAsync(request, response);
        if (AsyncRateLimiter.mayWait(permitRequests)) {
            // The policy bounds the wait; the container would end it after its own timeout.
            async.setTimeout(0);
        }
        decided.thenAccept(lease -> resume(lease, async, httpRequest, httpResponse));
    }

    /** The response to a forwarded request ends when the forward returns, unless the servlet made it asynchronous. */
    private static boolean mustWait(ServletRequest request) {
        return !request.isAsyncSupported() || request.getDispatcherType() == DispatcherType.FORWARD;
    }

    /** Continues on the calling thread. The slots are held until the request is processed, now or asynchronously. */
    private void proceed(
            @Nullable Lease lease, HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (lease == null) {
            chain.doFilter(request, response);
            return;
        }
        if (!lease.allowed()) {
            deny(lease.decisions(), request, response);
            return;
        }
        headers.write(AppliedLimits.of(request, attribute).allowed(lease.decisions()), response::setHeader);
        RequestEnd end = new RequestEnd(limiter.async(), AppliedLimits.of(request, attribute), lease, response);
        try {
            chain.doFilter(request, response);
        } catch (IOException | ServletException | RuntimeException | Error e) {
            end.failed(e);
            throw e;
        } finally {
            if (request.isAsyncStarted()) {
                request.getAsyncContext().addListener(end);
            } else {
                end.complete();
            }
        }
    }

    /**
     * Leaves the thread of the store at once: a thread of the container continues the request or writes the response.
     */
    private void resume(
            @Nullable Lease lease, AsyncContext async, HttpServletRequest request, HttpServletResponse response) {
        if (lease == null) {
            async.dispatch();
            return;
        }
        async.addListener(new RequestEnd(limiter.async(), AppliedLimits.of(request, attribute), lease, response));
        if (lease.allowed()) {
            headers.write(AppliedLimits.of(request, attribute).allowed(lease.decisions()), response::setHeader);
            async.dispatch();
            return;
        }
        async.start(() -> {
            try {
                deny(lease.decisions(), request, response);
            } catch (IOException e) {
                LOG.debug("A denied client has closed the connection before the response.", e);
            } finally {
                async.complete();
            }
        });
    }

    /** Also refunds what an earlier path of the request has charged, because a denied request costs nothing. */
    private void deny(Decisions decisions, HttpServletRequest request, HttpServletResponse response)
            throws IOException {
        Decisions earlier = AppliedLimits.of(request, attribute).take();
        if (earlier != null) {
            limiter.async().refund(earlier);
        }
        DenialResponses.Answer answer = denials.answer(decisions, accept(request));
        byte[] body = answer.body().getBytes(StandardCharsets.US_ASCII);
        headers.write(decisions, response::setHeader);
        response.setStatus(answer.status());
        response.setHeader("Cache-Control", DenialResponses.CACHE_CONTROL);
        if (answer.retryAfter() > 0) {
            response.setHeader("Retry-After", Long.toString(answer.retryAfter()));
        }
        response.setContentType(answer.contentType());
        response.setContentLength(body.length);
        response.getOutputStream().write(body);
    }

    private static @Nullable String accept(HttpServletRequest request) {
        List<String> lines = Collections.list(request.getHeaders("Accept"));
        return lines.isEmpty() ? null : String.join(",", lines);
    }

    /** Returns the limits on the path of this dispatch that were not applied at an earlier one. */
    private List<PathLimit> due(HttpServletRequest request, AppliedLimits applied) {
        RequestPath path = ServletRequests.path(request);
        if (exclude.values().stream().anyMatch(rule -> rule.exempts(path))) {
            return List.of();
        }
        boolean preflight = isPreflight(request);
        List<PathLimit> due = new ArrayList<>(limits.size());
        for (PathLimit limit : limits) {
            if (!applied.contains(limit)
                    && limit.rule().matches(request.getMethod(), path)
                    && (!preflight || limit.rule().names(request.getMethod()))) {
                due.add(limit);
            }
        }
        return due;
    }

    /** A browser asks before a request of another origin, and the page cannot avoid it (Fetch Standard, 3.2.2). */
    private static boolean isPreflight(HttpServletRequest request) {
        return request.getMethod().equals("OPTIONS")
                && request.getHeader("Origin") != null
                && request.getHeader("Access-Control-Request-Method") != null;
    }

    private List<PermitRequest> permitRequests(HttpServletRequest request, List<PathLimit> due) {
        List<PermitRequest> permitRequests = new ArrayList<>(due.size());
        WebRequest values = requests.of(request);
        for (PathLimit limit : due) {
            String key = keys.keyOf(limit.key(), values);
            permitRequests.add(new PermitRequest(
                    overrides.of(limit.policy(), key, request),
                    key,
                    limit.cost().permits(keys, values),
                    PermitRequest.Origin.HTTP));
        }
        return permitRequests;
    }

    private @Nullable Lease withoutLimiter(Throwable failure) {
        if (failed.compareAndSet(false, true)) {
            LOG.error(
                    "The rate limiter failed. Requests pass without a limit while it fails. Build it with "
                            + "RateLimiter.builder, whose guard decides by on-error. Further failures are not logged.",
                    failure);
        }
        return null;
    }
}
