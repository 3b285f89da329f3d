package io.github.micronautratelimit.servlet;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.LimitType;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Lease;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.web.DenialAnswers;
import io.github.micronautratelimit.web.OwnNumbers;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.RequestKeys;
import io.github.micronautratelimit.web.RequestPath;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;

/**
 * Limits requests in any servlet container: counts them, tells clients in headers how they stand, and answers those beyond
 * a limit. All limits that a request is under grant it and are charged, or none is.
 *
 * <pre>{@code
 * Filter filter = RateLimitFilter.of(limiter)
 *         .limit("/api/**", Policy.of("api", "100/min"), "{ip}")
 *         .trustedProxies("10.0.0.0/8")
 *         .build();
 * }</pre>
 *
 * Register it once, before the filters whose work it shall spare, for the dispatcher types {@code REQUEST} and
 * {@code ASYNC}, with {@code asyncSupported}: then no thread of the container waits for a store. Without that support it
 * waits. A request is counted once, however often it is dispatched. If the limiter fails, which one behind a
 * {@link io.github.micronautratelimit.Guard} never does, requests pass. Safe for use by any number of threads.
 */
public final class RateLimitFilter implements Filter {

    private static final Logger LOG = LoggerFactory.getLogger(RateLimitFilter.class);

    private final RateLimiter limiter;
    private final List<PathLimit> limits;
    private final List<PathRule> exclude;
    private final OwnNumbers<HttpServletRequest> numbers;
    private final ServletRequests requests;
    private final RateLimitHeaders headers;
    private final DenialAnswers denials;
    private final RequestKeys keys = new RequestKeys();
    private final String counted = RateLimitFilter.class.getName() + "." + System.identityHashCode(this);
    private final AtomicBoolean failed = new AtomicBoolean();

    RateLimitFilter(RateLimiter limiter, List<PathLimit> limits, List<PathRule> exclude,
                    OwnNumbers<HttpServletRequest> numbers, ServletRequests requests, RateLimitHeaders headers,
                    DenialAnswers denials) {
        this.limiter = limiter;
        this.limits = List.copyOf(limits);
        this.exclude = List.copyOf(exclude);
        this.numbers = numbers;
        this.requests = requests;
        this.headers = headers;
        this.denials = denials;
    }

    /**
     * Begins to describe a filter.
     *
     * @param limiter decides
     * @return a builder without limits
     */
    public static RateLimitFilterBuilder of(RateLimiter limiter) {
        return new RateLimitFilterBuilder(limiter);
    }

    @Override
    public void doFilter(ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        if (!(request instanceof HttpServletRequest asked) || !(response instanceof HttpServletResponse answer)
                || request.getAttribute(counted) != null) {
            chain.doFilter(request, response);
            return;
        }
        request.setAttribute(counted, Boolean.TRUE);
        List<Ask> asks = asks(asked);
        if (asks.isEmpty()) {
            chain.doFilter(request, response);
            return;
        }
        CompletableFuture<@Nullable Lease> decided = limiter.leaseAllAsync(asks).toCompletableFuture()
                .exceptionally(this::withoutLimiter);
        if (decided.isDone() || !request.isAsyncSupported()) {
            Lease lease = decided.join();
            if (goesOn(lease == null ? null : lease.decisions(), asked, answer)) {
                proceed(lease, request, response, chain);
            }
            return;
        }
        AsyncContext async = request.startAsync(request, response);
        decided.thenAccept(lease -> {
            if (lease != null) {
                HeldWhile.processed(async, lease);
            }
            resume(lease == null ? null : lease.decisions(), async, asked, answer);
        });
    }

    /** Holds places until the request is processed, now or asynchronously. */
    private static void proceed(@Nullable Lease lease, ServletRequest request, ServletResponse response, FilterChain chain)
            throws IOException, ServletException {
        try {
            chain.doFilter(request, response);
        } finally {
            if (lease != null && request.isAsyncStarted()) {
                HeldWhile.processed(request.getAsyncContext(), lease);
            } else if (lease != null) {
                lease.close();
            }
        }
    }

    /** Leaves the store's thread at once: the container's go on with the request, or write the answer. */
    private void resume(@Nullable Decisions decisions, AsyncContext async, HttpServletRequest asked,
                        HttpServletResponse answer) {
        if (decisions == null || decisions.allowed()) {
            tell(decisions, answer);
            async.dispatch();
            return;
        }
        async.start(() -> {
            try {
                deny(decisions, asked, answer);
            } catch (IOException e) {
                LOG.debug("A denied client did not wait for its answer.", e);
            } finally {
                async.complete();
            }
        });
    }

    private boolean goesOn(@Nullable Decisions decisions, HttpServletRequest asked, HttpServletResponse answer)
            throws IOException {
        if (decisions == null || decisions.allowed()) {
            tell(decisions, answer);
            return true;
        }
        deny(decisions, asked, answer);
        return false;
    }

    private void tell(@Nullable Decisions decisions, HttpServletResponse answer) {
        if (decisions != null) {
            headers.write(decisions, answer::setHeader);
        }
    }

    private void deny(Decisions decisions, HttpServletRequest asked, HttpServletResponse response) throws IOException {
        DenialAnswers.Answer answer = denials.answer(decisions, asked.getHeader("Accept"));
        byte[] body = answer.body().getBytes(StandardCharsets.US_ASCII);
        tell(decisions, response);
        response.setStatus(answer.status());
        response.setHeader("Cache-Control", DenialAnswers.CACHE_CONTROL);
        if (answer.retryAfter() > 0) {
            response.setHeader("Retry-After", Long.toString(answer.retryAfter()));
        }
        response.setContentType(answer.contentType());
        response.setContentLength(body.length);
        response.getOutputStream().write(body);
    }

    private List<Ask> asks(HttpServletRequest request) {
        RequestPath path = ServletRequests.path(request);
        List<Ask> asks = new ArrayList<>(limits.size());
        if (exclude.stream().anyMatch(rule -> rule.exempts(path))) {
            return asks;
        }
        ServletRequests.Read read = requests.read(request);
        for (PathLimit limit : limits) {
            if (limit.rule().matches(request.getMethod(), path)) {
                String key = keys.keyOf(limit.key(), read);
                asks.add(new Ask(numbers.of(limit.policy(), key, request), key, limit.cost().permits(keys, read),
                        LimitType.HTTP));
            }
        }
        return asks;
    }

    private @Nullable Lease withoutLimiter(Throwable failure) {
        if (failed.compareAndSet(false, true)) {
            LOG.error("The rate limiter failed and the request passes, as all like it; put the backend behind a Guard to "
                    + "have its policy decide. Further failures are not logged.", failure);
        }
        return null;
    }
}
