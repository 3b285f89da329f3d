package io.github.micronautratelimit.web;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.Policy;

/**
 * Tells a client how it stands: in the headers of every answer that limits applied to, granted or denied. Safe for use by
 * any number of threads.
 */
public final class RateLimitHeaders {

    private static final String POLICY = "RateLimit-Policy";
    private static final String LIMIT = "RateLimit";
    private static final String LEGACY_LIMIT = "X-RateLimit-Limit";
    private static final String LEGACY_REMAINING = "X-RateLimit-Remaining";
    private static final String LEGACY_RESET = "X-RateLimit-Reset";

    private static final long MICROS_PER_SECOND = 1_000_000;
    /** Policies are few, unless somebody computes the numbers of each key. */
    private static final int MOST_TEXTS = 1_000;

    private final HeaderStyle style;
    private final LegacyReset legacyReset;
    private final LongSupplier microsNow;
    private final Map<Policy, PolicyText> texts = new ConcurrentHashMap<>();

    /**
     * Headers of a style.
     *
     * @param style       which headers
     * @param legacyReset what {@code X-RateLimit-Reset} counts
     * @param microsNow   the time in microseconds since the epoch, for that header
     */
    public RateLimitHeaders(HeaderStyle style, LegacyReset legacyReset, LongSupplier microsNow) {
        this.style = style;
        this.legacyReset = legacyReset;
        this.microsNow = microsNow;
    }

    /**
     * Whether there is nothing to write.
     *
     * @return {@code true} if the style is {@link HeaderStyle#NONE}
     */
    public boolean isNone() {
        return style == HeaderStyle.NONE;
    }

    /**
     * The names that a browser must be told to let scripts read, as {@code Access-Control-Expose-Headers} lists them.
     *
     * @return header names, joined by commas
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
     * Writes the headers. After a denial {@code RateLimit} tells of the policies that denied, else of all.
     *
     * @param decisions what was decided on the request
     * @param header    sets a header, by name and value
     */
    public void write(Decisions decisions, BiConsumer<String, String> header) {
        List<Decision> each = decisions.each();
        if (style == HeaderStyle.NONE || each.isEmpty()) {
            return;
        }
        boolean allowed = decisions.allowed();
        StringBuilder standing = new StringBuilder(48);
        StringBuilder policies = null;
        PolicyText first = text(decisions.asks().get(0).policy());
        PolicyText closest = first;
        Decision closestDecision = each.get(0);
        for (int i = 0; i < each.size(); i++) {
            Decision decision = each.get(i);
            PolicyText text = i == 0 ? first : text(decisions.asks().get(i).policy());
            if (decision.allowed() == allowed) {
                standing.append(standing.isEmpty() ? "\"" : ", \"").append(text.name()).append("\";r=")
                        .append(decision.remaining()).append(";t=").append(text.secondsToWait(decision));
                if (closestDecision.allowed() != allowed || decision.remaining() < closestDecision.remaining()) {
                    closest = text;
                    closestDecision = decision;
                }
            }
            if (i > 0) {
                policies = (policies == null ? new StringBuilder(first.quotas()) : policies)
                        .append(", ").append(text.quotas());
            }
        }
        if (style.ietf) {
            header.accept(POLICY, policies == null ? first.quotas() : policies.toString());
            header.accept(LIMIT, standing.toString());
        }
        if (style.legacy) {
            writeLegacy(closest, closestDecision, header);
        }
    }

    private void writeLegacy(PolicyText policy, Decision decision, BiConsumer<String, String> header) {
        long reset = policy.secondsToWait(decision);
        if (legacyReset == LegacyReset.EPOCH) {
            reset = PolicyText.seconds(microsNow.getAsLong() + reset * MICROS_PER_SECOND);
        }
        header.accept(LEGACY_LIMIT, Long.toString(policy.smallestQuota()));
        header.accept(LEGACY_REMAINING, Long.toString(decision.remaining()));
        header.accept(LEGACY_RESET, Long.toString(reset));
    }

    /**
     * A policy's name as clients are told it.
     *
     * @param policy the policy
     * @return visible ASCII without quotation mark and backslash
     */
    public String name(Policy policy) {
        return text(policy).name();
    }

    private PolicyText text(Policy policy) {
        PolicyText known = texts.get(policy);
        if (known == null) {
            known = PolicyText.of(policy);
            if (texts.size() < MOST_TEXTS) {
                texts.put(policy, known);
            }
        }
        return known;
    }
}
