package io.github.micronautratelimit.web;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;

/**
 * What a denied request is answered: a status, the seconds to wait, and a body in the form the client takes, problem
 * details (RFC 9457) unless it wants another. Safe for use by any number of threads.
 */
public final class DenialAnswers {

    /** Goes with every denial, which is true of this moment alone. */
    public static final String CACHE_CONTROL = "no-store";

    private static final String PROBLEM = "application/problem+json";
    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain";
    private static final String QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
    private static final String REDUCED_CAPACITY =
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int UNAVAILABLE = 503;

    private final RateLimitHeaders headers;
    private final int status;
    private final long jitterSeconds;
    private final String beforeDetail;

    /**
     * An answer to a denied request.
     *
     * @param status      the status
     * @param retryAfter  the whole seconds until it can pass, at least 1; 0 if it never can
     * @param contentType the body's media type
     * @param body        the body
     */
    public record Answer(int status, long retryAfter, String contentType, String body) {
    }

    /**
     * Answers to denials.
     *
     * @param headers names the policies
     * @param status  429 or 503
     * @param jitter  up to how much longer than needed a client is told to wait, so that not all come back at once
     * @throws IllegalArgumentException if the status is another or the jitter negative
     */
    public DenialAnswers(RateLimitHeaders headers, int status, Duration jitter) {
        if (status != TOO_MANY_REQUESTS && status != UNAVAILABLE) {
            throw new IllegalArgumentException(
                    "A denied request is not answered " + status + "; write 429 or 503.");
        }
        if (jitter.isNegative()) {
            throw new IllegalArgumentException("The jitter is " + jitter + "; write 0s or more.");
        }
        this.headers = headers;
        this.status = status;
        this.jitterSeconds = jitter.toSeconds();
        this.beforeDetail = "{\"type\":\"" + (status == TOO_MANY_REQUESTS ? QUOTA_EXCEEDED : REDUCED_CAPACITY)
                + "\",\"title\":\"" + (status == TOO_MANY_REQUESTS ? "Too Many Requests" : "Service Unavailable")
                + "\",\"status\":" + status + ",\"detail\":\"";
    }

    /**
     * The answer to a denied request.
     *
     * @param decisions what was decided, at least one of it a denial
     * @param accept    the request's {@code Accept} header, or {@code null}
     * @return the answer
     */
    public Answer answer(Decisions decisions, @Nullable String accept) {
        long wait = retryAfter(decisions);
        String detail = wait == 0
                ? "Rate limit exceeded: this request costs more than is ever granted."
                : "Rate limit exceeded. Try again in " + wait + (wait == 1 ? " second." : " seconds.");
        String type = contentType(accept);
        return new Answer(status, wait, type, type.equals(TEXT) ? detail : problem(decisions, detail));
    }

    /**
     * How long a denied client is told to wait.
     *
     * @param decisions what was decided, at least one of it a denial
     * @return whole seconds, at least 1; 0 if the request can never pass
     */
    public long retryAfter(Decisions decisions) {
        long micros = decisions.retryAfterMicros();
        if (micros == Decision.NEVER) {
            return 0;
        }
        long wait = Math.max(1, PolicyText.seconds(micros));
        return jitterSeconds == 0 ? wait : wait + ThreadLocalRandom.current().nextLong(jitterSeconds + 1);
    }

    /** Nothing in it needs escaping: names of policies have no quotation marks and backslashes. */
    private String problem(Decisions decisions, String detail) {
        if (decisions.each().size() == 1) {
            return problem(detail, headers.name(decisions.asks().get(0).policy()));
        }
        return problem(detail, String.join("\",\"", violated(decisions)));
    }

    private String problem(String detail, String names) {
        return beforeDetail + detail + "\",\"violated-policies\":[\"" + names + "\"]}";
    }

    private Set<String> violated(Decisions decisions) {
        Set<String> names = new LinkedHashSet<>();
        for (int i = 0; i < decisions.each().size(); i++) {
            if (!decisions.each().get(i).allowed()) {
                names.add(headers.name(decisions.asks().get(i).policy()));
            }
        }
        return names;
    }

    /** The form the client likes best; problem details if it likes them as well as any. */
    private static String contentType(@Nullable String accept) {
        if (accept == null || accept.isBlank() || accept.equals("*/*")) {
            return PROBLEM;
        }
        double problem = quality(accept, PROBLEM);
        double json = quality(accept, JSON);
        double text = Math.max(quality(accept, TEXT), quality(accept, "text/html"));
        if (problem >= json && problem >= text) {
            return PROBLEM;
        }
        return json >= text ? JSON : TEXT;
    }

    /** How much a media type is wanted, from 0 to 1, by the most specific range that includes it (RFC 9110, 12.5.1). */
    private static double quality(String accept, String type) {
        double quality = 0;
        int specific = -1;
        for (String range : accept.split(",", 20)) {
            String[] parts = range.split(";", -1);
            String wanted = parts[0].strip();
            int match = wanted.equalsIgnoreCase(type) ? 2
                    : wanted.equals("*/*") ? 0
                    : wanted.regionMatches(true, 0, type, 0, type.indexOf('/') + 1) && wanted.endsWith("/*") ? 1 : -1;
            if (match > specific) {
                specific = match;
                quality = weight(parts);
            }
        }
        return quality;
    }

    private static double weight(String[] parts) {
        for (int i = 1; i < parts.length; i++) {
            String parameter = parts[i].strip();
            if (parameter.startsWith("q=") && parameter.length() <= 7) {
                try {
                    return Double.parseDouble(parameter.substring(2));
                } catch (NumberFormatException e) {
                    return 0;
                }
            }
        }
        return 1;
    }
}
