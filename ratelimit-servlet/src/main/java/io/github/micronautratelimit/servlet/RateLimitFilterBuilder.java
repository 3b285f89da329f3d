package io.github.micronautratelimit.servlet;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.limit.LimitSet;
import io.github.micronautratelimit.web.ClientAddress;
import io.github.micronautratelimit.web.ConfigurationWarning;
import io.github.micronautratelimit.web.ConfigurationWarnings;
import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.DenialResponses;
import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.LegacyReset;
import io.github.micronautratelimit.web.LimitCheck;
import io.github.micronautratelimit.web.PathRule;
import io.github.micronautratelimit.web.PolicyOverrides;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.github.micronautratelimit.web.RetryAfter;
import io.github.micronautratelimit.web.TrustedProxies;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Builds a {@link RateLimitFilter}. Every method returns this builder, and rejects an invalid argument with an
 * {@link IllegalArgumentException} that contains a valid example. Not thread-safe.
 */
public final class RateLimitFilterBuilder {

    private final RateLimiter limiter;
    private final List<PathLimit> limits = new ArrayList<>();
    private final Map<String, PathRule> exclude = new LinkedHashMap<>();
    private final Map<String, Function<HttpServletRequest, @Nullable String>> custom = new HashMap<>();
    private final Map<String, Map<String, LimitSet>> overrides = new HashMap<>();
    private PolicyOverrides.@Nullable Resolver<HttpServletRequest> resolver;
    private TrustedProxies proxies = TrustedProxies.none();
    private @Nullable String forwardedHeader;
    private int ipv6Prefix = 64;
    private HeaderStyle headers = HeaderStyle.IETF;
    private LegacyReset legacyReset = LegacyReset.SECONDS;
    private int status = 429;
    private int unavailableStatus = 503;
    private Duration retryAfterJitter = Duration.ZERO;
    private Duration retryAfterSpread = Duration.ZERO;
    private ConfigurationWarnings warnings = new ConfigurationWarnings(List.of());

    RateLimitFilterBuilder(RateLimiter limiter) {
        this.limiter = limiter;
    }

    /**
     * Limits all requests to paths.
     *
     * @param path   an Ant pattern of paths within the application, without its context path, such as
     *               <code>/api/**</code> or <code>/orders/{id}</code>
     * @param policy the policy
     * @param key    a template of the key: <code>{ip}</code>, <code>{principal-or-ip}</code>, <code>{api-key}</code>,
     *               <code>{bearer-token}</code>, <code>{header:NAME}</code>, <code>{cookie:NAME}</code>,
     *               <code>{query:NAME}</code>, <code>{global}</code> or <code>{bean:NAME}</code>, see {@link #key}
     * @return this
     */
    public RateLimitFilterBuilder limit(String path, Policy policy, String key) {
        return limit(path, List.of(), policy, key, "1");
    }

    /**
     * Limits requests to paths.
     *
     * @param path    an Ant pattern of paths within the application, without its context path
     * @param methods the names of request methods in any case; none for all
     * @param policy  the policy
     * @param key     a template of the key
     * @param permits the cost of a request: a number, or a placeholder such as <code>{query:size} 1..100</code>
     * @return this
     */
    public RateLimitFilterBuilder limit(String path, List<String> methods, Policy policy, String key, String permits) {
        KeyTemplate template = KeyTemplate.parse(key);
        if (template.parts().stream().anyMatch(part -> part.source() == KeyTemplate.Source.PATH)) {
            throw new IllegalArgumentException(
                    "The key \"" + key + "\" contains a path variable, which servlet containers do not have; write "
                            + "{bean:NAME} and define it with key(NAME, ...).");
        }
        if (template.isOfConnection()) {
            throw new IllegalArgumentException(
                    "The key \"" + key + "\" contains a WebSocket connection, which only messages have; write {ip}, or "
                            + "{bean:NAME} and define it with key(NAME, ...).");
        }
        LimitCheck.requireBraces(template);
        Cost cost = Cost.parse(permits);
        LimitCheck.requirePermits(cost);
        LimitCheck.requireGrantable(cost, policy.rateLimits(), "the policy \"" + policy.name() + "\"");
        limits.add(new PathLimit(path, new PathRule(path, methods), policy, template, cost));
        return this;
    }

    /**
     * Exempts paths from all limits.
     *
     * @param paths Ant patterns of paths within the application, without its context path
     * @return this
     */
    public RateLimitFilterBuilder exclude(String... paths) {
        for (String path : paths) {
            exclude.put(path, new PathRule(path, List.of()));
        }
        return this;
    }

    /**
     * Defines the placeholder <code>{bean:NAME}</code> of keys.
     *
     * @param name   the name in the placeholder
     * @param finder returns any text, or {@code null} if the request has no value; must not block
     * @return this
     */
    public RateLimitFilterBuilder key(String name, Function<HttpServletRequest, @Nullable String> finder) {
        custom.put(name, finder);
        return this;
    }

    /**
     * Sets the limits of one key.
     *
     * @param policy the name of a policy of {@link #limit}
     * @param key    the key: the name of the user, the value of the header or the address, depending on the template
     * @param limits one or more limits as text, for example {@code 1000/min}
     * @return this
     */
    public RateLimitFilterBuilder override(String policy, String key, String limits) {
        Map<String, LimitSet> ofPolicy = overrides.computeIfAbsent(policy, name -> new HashMap<>());
        if (ofPolicy.put(key, LimitSet.parse(limits)) != null) {
            throw new IllegalArgumentException("The policy \"" + policy + "\" has an override for the key \"" + key
                    + "\" already; write the limits of a key once.");
        }
        return this;
    }

    /**
     * Sets code that chooses the limits of keys without an {@link #override}, for example by the plan of a customer.
     *
     * @param chooser called for every request; must not block
     * @return this
     */
    public RateLimitFilterBuilder resolver(PolicyOverrides.Resolver<HttpServletRequest> chooser) {
        resolver = chooser;
        return this;
    }

    /**
     * Sets the proxies whose forwarding headers contain the address of the client. The default is none.
     *
     * @param ranges ranges of addresses such as {@code 10.0.0.0/8}
     * @return this
     */
    public RateLimitFilterBuilder trustedProxies(String... ranges) {
        proxies = TrustedProxies.within(List.of(ranges));
        return this;
    }

    /**
     * Sets the number of proxies that every request passes, if their addresses are not known. The default is 0.
     *
     * @param hops 0 or more
     * @return this
     */
    public RateLimitFilterBuilder trustedProxies(int hops) {
        proxies = TrustedProxies.hops(hops);
        return this;
    }

    /**
     * Sets the only header that the proxies write. By default X-Forwarded-For and Forwarded are read, unless they
     * disagree.
     *
     * @param name the name of the header
     * @return this
     */
    public RateLimitFilterBuilder forwardedHeader(String name) {
        forwardedHeader = name;
        return this;
    }

    /**
     * Sets the length of the prefix that identifies an IPv6 client. The default is 64.
     *
     * @param bits 16 to 128
     * @return this
     */
    public RateLimitFilterBuilder ipv6Prefix(int bits) {
        ipv6Prefix = bits;
        return this;
    }

    /**
     * Sets the headers of responses. The default is {@link HeaderStyle#IETF}.
     *
     * @param style the headers to write
     * @param reset the meaning of {@code X-RateLimit-Reset}
     * @return this
     */
    public RateLimitFilterBuilder headers(HeaderStyle style, LegacyReset reset) {
        headers = style;
        legacyReset = reset;
        return this;
    }

    /**
     * Sets the status of denied requests. The default is 429.
     *
     * @param code 429 or 503
     * @return this
     */
    public RateLimitFilterBuilder status(int code) {
        status = code;
        return this;
    }

    /**
     * Sets the status of requests that {@link io.github.micronautratelimit.OnError#CLOSED} denies because the store is
     * unavailable. The default is 503.
     *
     * @param code 503 or 429
     * @return this
     */
    public RateLimitFilterBuilder unavailableStatus(int code) {
        unavailableStatus = code;
        return this;
    }

    /**
     * Sets the most time that is added to {@code Retry-After} at random. The default is zero.
     *
     * @param jitter whole seconds
     * @return this
     */
    public RateLimitFilterBuilder retryAfterJitter(Duration jitter) {
        retryAfterJitter = jitter;
        return this;
    }

    /**
     * Sets the most time that is added to {@code Retry-After} so that clients which are denied together come back one
     * after the other, at the pace of the limit. The default is zero. With several instances, each spreads its own
     * clients.
     *
     * @param spread whole seconds, at most 1 hour
     * @return this
     */
    public RateLimitFilterBuilder retryAfterSpread(Duration spread) {
        retryAfterSpread = spread;
        return this;
    }

    /**
     * Silences warnings.
     *
     * @param codes the codes of the warnings, such as {@code RL001}
     * @return this
     */
    public RateLimitFilterBuilder silence(String... codes) {
        warnings = new ConfigurationWarnings(List.of(codes));
        return this;
    }

    /**
     * Builds the filter.
     *
     * @return a new filter
     * @throws IllegalArgumentException if a placeholder of a key or the policy of an override is not defined, a limit
     *                                  or an override can never apply, or another setting is out of range
     */
    public RateLimitFilter build() {
        ClientAddress addresses = new ClientAddress(proxies, forwardedHeader, ipv6Prefix, warnings);
        limits.forEach(this::requireDefined);
        limits.forEach(this::checkReach);
        overrides.keySet().forEach(this::requireLimited);
        overrides.forEach((policy, keys) -> keys.forEach((key, own) -> requireKey(policy, key, own, addresses)));
        if (!limits.isEmpty() && limits.stream().allMatch(limit -> limit.key().isClientsChoice())) {
            warnings.warn(
                    ConfigurationWarning.CLIENT_CHOOSES_KEY,
                    "paths",
                    limits.stream().map(PathLimit::key).toList());
        }
        RateLimitHeaders written = new RateLimitHeaders(headers, legacyReset, MicroClock.system()::micros);
        return new RateLimitFilter(
                limiter,
                limits,
                exclude,
                new PolicyOverrides<>(limitsOfKeys(), resolver),
                new ServletRequests(addresses, custom),
                written,
                new DenialResponses(
                        written,
                        status,
                        unavailableStatus,
                        new RetryAfter(retryAfterJitter, retryAfterSpread, 1, MicroClock.system()::micros)));
    }

    private void requireDefined(PathLimit limit) {
        for (KeyTemplate.Part part : limit.key().parts()) {
            if (part.source() == KeyTemplate.Source.BEAN && !custom.containsKey(part.name())) {
                throw new IllegalArgumentException("The key \"" + limit.key() + "\" contains \"" + part.name()
                        + "\", which is not defined; define it with key(\"" + part.name() + "\", ...).");
            }
        }
    }

    /** Rejects a limit that is written twice, and warns of one that limits nothing or less than it says. */
    private void checkReach(PathLimit limit) {
        String location = "limit(\"" + limit.path() + "\", ...)";
        exclude.forEach((text, exclusion) -> {
            if (exclusion.covers(limit.rule())) {
                warnings.warn(ConfigurationWarning.RULE_EXCLUDED, location, text);
            }
        });
        if (limit.key().isText()) {
            warnings.warn(ConfigurationWarning.KEY_WITHOUT_PLACEHOLDER, location, limit.key());
        }
        if (LimitCheck.exceeds(limit.cost(), limit.policy())) {
            warnings.warn(
                    ConfigurationWarning.COST_ABOVE_LIMIT,
                    location,
                    limit.cost().most(),
                    limit.policy().name(),
                    limit.policy().capacity());
        }
        for (PathLimit other : limits) {
            if (other != limit
                    && other.policy().name().equals(limit.policy().name())
                    && other.key().equals(limit.key())
                    && other.rule().covers(limit.rule())) {
                if (limit.rule().covers(other.rule()) && limit.cost().equals(other.cost())) {
                    throw new IllegalArgumentException(location
                            + " is written twice with the same policy and key, which would charge each request twice;"
                            + " remove one of them.");
                }
                warnings.warn(ConfigurationWarning.RULE_REPEATED, location, "limit(\"" + other.path() + "\", ...)");
            }
        }
    }

    private void requireKey(String policy, String key, LimitSet own, ClientAddress addresses) {
        List<PathLimit> uses = limits.stream()
                .filter(limit -> limit.policy().name().equals(policy))
                .toList();
        String subject = "the policy \"" + policy + "\" with its override for \"" + key + "\"";
        uses.forEach(limit -> LimitCheck.requireGrantable(
                limit.cost(), limit.policy().withLimits(own).rateLimits(), subject));
        List<String> reasons = uses.stream()
                .map(limit -> LimitCheck.mismatch(key, limit.key(), addresses))
                .filter(Objects::nonNull)
                .toList();
        if (reasons.size() == uses.size()) {
            throw new IllegalArgumentException("override(\"" + policy + "\", \"" + key
                    + "\", ...): the key never occurs, because " + reasons.get(0));
        }
    }

    private void requireLimited(String policy) {
        if (limits.stream().noneMatch(limit -> limit.policy().name().equals(policy))) {
            throw new IllegalArgumentException("override(\"" + policy
                    + "\", ...) has a policy that limits no path; use " + "the name of a policy of limit(...).");
        }
    }

    private BiFunction<Policy, String, Policy> limitsOfKeys() {
        Map<String, Map<String, LimitSet>> copies = new HashMap<>();
        overrides.forEach((policy, byKey) -> copies.put(policy, Map.copyOf(byKey)));
        return (policy, key) -> {
            LimitSet own = copies.getOrDefault(policy.name(), Map.of()).get(key);
            return own == null ? policy : policy.withLimits(own);
        };
    }
}
