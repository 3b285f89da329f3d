package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Policy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Writes headers with limits and remaining permits into responses to allowed and denied requests. Safe for use by any
 * number of threads.
 */
public final class RateLimitHeaders {

    private static final String POLICY = "RateLimit-Policy";
    private static final String LIMIT = "RateLimit";
    private static final String LEGACY_LIMIT = "X-RateLimit-Limit";
    private static final String LEGACY_REMAINING = "X-RateLimit-Remaining";
    private static final String LEGACY_RESET = "X-RateLimit-Reset";

    private static final long MICROS_PER_SECOND = 1_000_000;
    /** A resolver may make a policy per key, so the cache has a bound. */
    private static final int MAX_TEXTS = 1_000;

    private final HeaderStyle style;
    private final LegacyReset legacyReset;
    private final LongSupplier microsNow;
    private final UnaryOperator<String> names;
    private final Map<Policy, PolicyHeaderText> texts = new ConcurrentHashMap<>();

    /**
     * Creates a writer of headers.
     *
     * @param style       the headers to write
     * @param legacyReset the meaning of {@code X-RateLimit-Reset}
     * @param microsNow   returns the time in microseconds since the epoch, for that header and for calendar quotas
     */
    public RateLimitHeaders(HeaderStyle style, LegacyReset legacyReset, LongSupplier microsNow) {
        this(style, legacyReset, microsNow, UnaryOperator.identity());
    }

    /**
     * Creates a writer of headers.
     *
     * @param style       the headers to write
     * @param legacyReset the meaning of {@code X-RateLimit-Reset}
     * @param microsNow   returns the time in microseconds since the epoch, for that header and for calendar quotas
     * @param names       returns the name that clients see for that of a policy: visible ASCII without quotation mark
     *                    and backslash
     */
    public RateLimitHeaders(
            HeaderStyle style, LegacyReset legacyReset, LongSupplier microsNow, UnaryOperator<String> names) {
        this.names = names;
        this.style = style;
        this.legacyReset = legacyReset;
        this.microsNow = microsNow;
    }

    /**
     * Returns whether {@link #write} writes nothing.
     *
     * @return {@code true} if the style is {@link HeaderStyle#NONE}
     */
    public boolean isNone() {
        return style == HeaderStyle.NONE;
    }

    /**
     * Returns the value of {@code Access-Control-Expose-Headers} with which scripts in a browser may read the headers.
     *
     * @return header names, separated by commas
     */
    public String exposed() {
        return switch (style) {
            case IETF -> String.join(", ", POLICY, LIMIT, "Retry-After");
            case LEGACY -> String.join(", ", LEGACY_LIMIT, LEGACY_REMAINING, LEGACY_RESET, "Retry-After");
            case BOTH -> String.join(", ", POLICY, LIMIT, LEGACY_LIMIT, LEGACY_REMAINING, LEGACY_RESET, "Retry-After");
            case NONE -> "Retry-After";
        };
    }

    /**
     * Returns whether shared caches may store a response and send it to other clients, without asking for a new one.
     * The headers are then left out of it, because they are those of a single client.
     *
     * @param cacheControl the {@code Cache-Control} of the response, its lines joined by commas; {@code null} if it has
     *                     none
     * @return {@code true} if a directive allows it for some time and none forbids it
     */
    public static boolean isForSharedCaches(@Nullable String cacheControl) {
        return cacheControl != null && SharedCaching.of(cacheControl).allowed();
    }

    /**
     * Writes the headers. After a denial {@code RateLimit} contains the policies that denied, otherwise all policies. A
     * policy whose limits were not evaluated appears only in {@code RateLimit-Policy}, also because the store was
     * unavailable and on-error decided without a counter. A policy in shadow mode does not appear. A denial by the
     * configuration has no headers, because no limit decided.
     *
     * @param all    the decisions on the request
     * @param header sets a header by name and value
     */
    public void write(Decisions all, BiConsumer<String, String> header) {
        Decisions decisions = all.enforced();
        List<Decision> list = decisions.list();
        if (style == HeaderStyle.NONE || list.isEmpty() || list.get(0).source() == Decision.Source.CONFIGURATION) {
            return;
        }
        Class<?> shown = decisions.allowed() ? Decision.Allowed.class : Decision.Denied.class;
        StringBuilder limits = new StringBuilder(48);
        StringBuilder policies = null;
        PolicyHeaderText first = text(decisions.requests().get(0).policy());
        PolicyHeaderText closest = first;
        Decision closestDecision = null;
        for (int i = 0; i < list.size(); i++) {
            Decision decision = list.get(i);
            PolicyHeaderText text =
                    i == 0 ? first : text(decisions.requests().get(i).policy());
            if (shown.isInstance(decision)
                    && decision.isCounted(decisions.requests().get(i).policy())) {
                limits.append(limits.isEmpty() ? "\"" : ", \"")
                        .append(text.name())
                        .append("\";r=")
                        .append(Math.min(decision.remaining(), PolicyHeaderText.MAX_INTEGER))
                        .append(";t=")
                        .append(text.secondsToWait(decision));
                if (closestDecision == null || isCloser(text, decision, closest, closestDecision)) {
                    closest = text;
                    closestDecision = decision;
                }
            }
            if (i > 0) {
                policies = (policies == null ? new StringBuilder(first.quotas()) : policies)
                        .append(", ")
                        .append(text.quotas());
            }
        }
        if (style.ietf) {
            header.accept(POLICY, policies == null ? first.quotas() : policies.toString());
            if (!limits.isEmpty()) {
                header.accept(LIMIT, limits.toString());
            }
        }
        if (style.legacy && closestDecision != null) {
            writeLegacy(closest, closestDecision, header);
        }
    }

    /** Returns whether a policy has fewer remaining permits, or the same number for a longer time. */
    private static boolean isCloser(
            PolicyHeaderText policy, Decision decision, PolicyHeaderText closest, Decision closestDecision) {
        return decision.remaining() < closestDecision.remaining()
                || decision.remaining() == closestDecision.remaining()
                        && policy.secondsToWait(decision) > closest.secondsToWait(closestDecision);
    }

    private void writeLegacy(PolicyHeaderText policy, Decision decision, BiConsumer<String, String> header) {
        long reset = policy.secondsToWait(decision);
        if (legacyReset == LegacyReset.EPOCH) {
            reset = PolicyHeaderText.seconds(microsNow.getAsLong() + reset * MICROS_PER_SECOND);
        }
        header.accept(LEGACY_LIMIT, Long.toString(policy.smallestQuota()));
        header.accept(LEGACY_REMAINING, Long.toString(decision.remaining()));
        header.accept(LEGACY_RESET, Long.toString(reset));
    }

    /**
     * Returns the name of a policy in headers and responses.
     *
     * @param policy the policy
     * @return visible ASCII without quotation mark and backslash
     */
    public String name(Policy policy) {
        return text(policy).name();
    }

    private PolicyHeaderText text(Policy policy) {
        PolicyHeaderText known = texts.get(policy);
        boolean windowHasEnded =
                known != null && known.validUntil() != Long.MAX_VALUE && microsNow.getAsLong() >= known.validUntil();
        if (known == null || windowHasEnded) {
            known = PolicyHeaderText.of(policy, names.apply(policy.name()), microsNow);
            if (windowHasEnded || texts.size() < MAX_TEXTS) {
                texts.put(policy, known);
            }
        }
        return known;
    }
}
