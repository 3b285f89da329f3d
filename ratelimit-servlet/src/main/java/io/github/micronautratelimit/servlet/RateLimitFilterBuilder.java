package io.github.micronautratelimit.servlet;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Limits;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.DenialAnswers;
import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LegacyReset;
import io.github.micronautratelimit.web.OwnNumbers;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.SetupWarning;
import io.github.micronautratelimit.web.SetupWarnings;
import io.github.micronautratelimit.web.TrustedProxies;
import jakarta.servlet.http.HttpServletRequest;

/**
 * Describes a {@link RateLimitFilter}. Every method refuses what is wrong with an {@link IllegalArgumentException} that
 * says what to write instead, and returns the builder itself. For one thread.
 */
public final class RateLimitFilterBuilder {

    private final RateLimiter limiter;
    private final List<PathLimit> limits = new ArrayList<>();
    private final List<PathRule> exclude = new ArrayList<>();
    private final Map<String, Function<HttpServletRequest, @Nullable String>> custom = new HashMap<>();
    private final Map<String, Map<String, Limits>> overrides = new HashMap<>();
    private OwnNumbers.@Nullable Resolver<HttpServletRequest> resolver;
    private TrustedProxies proxies = TrustedProxies.none();
    private @Nullable String forwardedHeader;
    private int ipv6Prefix = 64;
    private HeaderStyle headers = HeaderStyle.IETF;
    private LegacyReset legacyReset = LegacyReset.SECONDS;
    private int status = 429;
    private Duration retryAfterJitter = Duration.ZERO;
    private SetupWarnings warnings = new SetupWarnings(List.of());

    RateLimitFilterBuilder(RateLimiter limiter) {
        this.limiter = limiter;
    }

    /**
     * Limits all requests to paths.
     *
     * @param path   an Ant pattern of paths within the application, such as <code>/api/**</code>
     * @param policy the policy
     * @param key    who is limited: a template such as <code>{ip}</code>, <code>{principal-or-ip}</code>,
     *               <code>{api-key}</code>, <code>{bearer-token}</code>, <code>{header:NAME}</code>,
     *               <code>{cookie:NAME}</code>, <code>{global}</code> or <code>{bean:NAME}</code>, see {@link #key}
     * @return this
     */
    public RateLimitFilterBuilder limit(String path, Policy policy, String key) {
        return limit(path, List.of(), policy, key, "1");
    }

    /**
     * Limits requests to paths.
     *
     * @param path    an Ant pattern of paths within the application
     * @param methods names of request methods; none for all
     * @param policy  the policy
     * @param key     who is limited
     * @param permits what a request costs: a number, or a placeholder such as <code>{query:size} 1..100</code>
     * @return this
     */
    public RateLimitFilterBuilder limit(String path, List<String> methods, Policy policy, String key, String permits) {
        KeyTemplate template = KeyTemplate.parse(key);
        if (template.parts().stream().anyMatch(part -> part.source() == KeyTemplate.Source.PATH)) {
            throw new IllegalArgumentException("\"" + key + "\" names a variable of a path, which a servlet container does "
                    + "not know; write {bean:NAME} and find it yourself.");
        }
        if (template.isOfConnection()) {
            throw new IllegalArgumentException("\"" + key + "\" names a connection, which only the messages of a WebSocket "
                    + "have; write {ip}, or {bean:NAME} and find it yourself.");
        }
        limits.add(new PathLimit(new PathRule(path, methods), policy, template, Cost.parse(permits)));
        return this;
    }

    /**
     * Exempts paths.
     *
     * @param paths Ant patterns
     * @return this
     */
    public RateLimitFilterBuilder exclude(String... paths) {
        for (String path : paths) {
            exclude.add(new PathRule(path, List.of()));
        }
        return this;
    }

    /**
     * Says who is limited, in a way of your own.
     *
     * @param name   what stands for it in a key: <code>{bean:NAME}</code>
     * @param finder gives any text, or {@code null} if the request does not say; must not block
     * @return this
     */
    public RateLimitFilterBuilder key(String name, Function<HttpServletRequest, @Nullable String> finder) {
        custom.put(name, finder);
        return this;
    }

    /**
     * Gives a key numbers of its own.
     *
     * @param policy the name of a policy that is given to {@link #limit}
     * @param key    who is limited, as the policy's key gives it: the user's name, the header's value, the address
     * @param limits one or more limits as text, for example {@code 1000/min}
     * @return this
     */
    public RateLimitFilterBuilder override(String policy, String key, String limits) {
        overrides.computeIfAbsent(policy, name -> new HashMap<>()).put(key, Limits.parse(limits));
        return this;
    }

    /**
     * Says which numbers hold for keys that no {@link #override} names: those of a customer's plan, say.
     *
     * @param chooser asked about every request; must not block
     * @return this
     */
    public RateLimitFilterBuilder resolver(OwnNumbers.Resolver<HttpServletRequest> chooser) {
        resolver = chooser;
        return this;
    }

    /**
     * Names the proxies whose word about a client's address is believed. Default: none.
     *
     * @param ranges ranges of addresses such as {@code 10.0.0.0/8}
     * @return this
     */
    public RateLimitFilterBuilder trustedProxies(String... ranges) {
        proxies = TrustedProxies.within(List.of(ranges));
        return this;
    }

    /**
     * Says how many proxies every request comes through, if their addresses are not known.
     *
     * @param hops 0 or more
     * @return this
     */
    public RateLimitFilterBuilder trustedProxies(int hops) {
        proxies = TrustedProxies.hops(hops);
        return this;
    }

    /**
     * Names the one header that the proxies write. Default: X-Forwarded-For and Forwarded, unless they disagree.
     *
     * @param name the header's name
     * @return this
     */
    public RateLimitFilterBuilder forwardedHeader(String name) {
        forwardedHeader = name;
        return this;
    }

    /**
     * Says which bits of an IPv6 address tell clients apart. Default: 64.
     *
     * @param bits 16 to 128
     * @return this
     */
    public RateLimitFilterBuilder ipv6Prefix(int bits) {
        ipv6Prefix = bits;
        return this;
    }

    /**
     * Chooses the headers. Default: {@link HeaderStyle#IETF}.
     *
     * @param style which headers
     * @param reset what {@code X-RateLimit-Reset} counts
     * @return this
     */
    public RateLimitFilterBuilder headers(HeaderStyle style, LegacyReset reset) {
        headers = style;
        legacyReset = reset;
        return this;
    }

    /**
     * Chooses the status of a denied request. Default: 429.
     *
     * @param code 429 or 503
     * @return this
     */
    public RateLimitFilterBuilder status(int code) {
        status = code;
        return this;
    }

    /**
     * Tells clients to wait up to so much longer than needed, at random. Default: not at all.
     *
     * @param jitter whole seconds
     * @return this
     */
    public RateLimitFilterBuilder retryAfterJitter(Duration jitter) {
        retryAfterJitter = jitter;
        return this;
    }

    /**
     * Does not give some warnings.
     *
     * @param codes their codes, such as {@code RL001}
     * @return this
     */
    public RateLimitFilterBuilder silence(String... codes) {
        warnings = new SetupWarnings(List.of(codes));
        return this;
    }

    /**
     * Makes the filter.
     *
     * @return a new filter
     * @throws IllegalArgumentException if something is wrong or missing
     */
    public RateLimitFilter build() {
        for (PathLimit limit : limits) {
            for (KeyTemplate.Part part : limit.key().parts()) {
                if (part.source() == KeyTemplate.Source.BEAN && !custom.containsKey(part.name())) {
                    throw new IllegalArgumentException("The key \"" + limit.key() + "\" names \"" + part.name()
                            + "\", which is not known; say how to find it with key(\"" + part.name() + "\", ...).");
                }
            }
        }
        for (String policy : overrides.keySet()) {
            if (limits.stream().noneMatch(limit -> limit.policy().name().equals(policy))) {
                throw new IllegalArgumentException("override(\"" + policy + "\", ...) names a policy that limits no path; "
                        + "give it to limit(...), or name one that is.");
            }
        }
        if (!limits.isEmpty() && limits.stream().allMatch(limit -> limit.key().isClientsChoice())) {
            warnings.warn(SetupWarning.CLIENT_CHOOSES_KEY, "paths", limits.stream().map(PathLimit::key).toList());
        }
        RateLimitHeaders told = new RateLimitHeaders(headers, legacyReset, MicroClock.system()::micros);
        return new RateLimitFilter(limiter, limits, exclude, new OwnNumbers<>(ownNumbers(), resolver),
                new ServletRequests(new ClientAddress(proxies, forwardedHeader, ipv6Prefix, warnings), custom), told,
                new DenialAnswers(told, status, retryAfterJitter));
    }

    private BiFunction<Policy, String, Policy> ownNumbers() {
        Map<String, Map<String, Limits>> written = new HashMap<>();
        overrides.forEach((policy, byKey) -> written.put(policy, Map.copyOf(byKey)));
        return (policy, key) -> {
            Limits own = written.getOrDefault(policy.name(), Map.of()).get(key);
            return own == null ? policy : policy.withLimits(own);
        };
    }
}
