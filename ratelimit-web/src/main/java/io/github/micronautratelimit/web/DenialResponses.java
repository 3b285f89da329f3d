package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import java.util.LinkedHashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Creates responses to denied requests: a status, the seconds to wait, and a body in the format that the client
 * accepts, by default problem details (RFC 9457). Safe for use by any number of threads.
 */
public final class DenialResponses {

    /** The value of {@code Cache-Control} in every response, because a denial must not be cached. */
    public static final String CACHE_CONTROL = "no-store";

    private static final String PROBLEM = "application/problem+json";
    private static final String JSON = "application/json";
    private static final String TEXT = "text/plain";
    private static final String QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
    private static final String REDUCED_CAPACITY =
            "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
    /** The weight of a media type that a client excludes, below one that it does not mention. */
    private static final double REFUSED = -1;

    private static final int TOO_MANY_REQUESTS = 429;
    private static final int UNAVAILABLE = 503;

    private final RateLimitHeaders headers;
    private final int status;
    private final int unavailableStatus;
    private final RetryAfter retryAfter;
    private final String beforeDetail;
    private final String beforeDetailOfUnavailable;

    /**
     * A response to a denied request.
     *
     * @param status      the status
     * @param retryAfter  the whole seconds until the request can pass, at least 1; 0 if it can never pass
     * @param contentType the media type of the body
     * @param body        the body
     */
    public record Answer(int status, long retryAfter, String contentType, String body) {}

    /**
     * Creates responses. Requests that are denied because the store is unavailable are answered with 503.
     *
     * @param headers    provides the names of policies
     * @param status     429 or 503
     * @param retryAfter the times to wait
     * @throws IllegalArgumentException if the status is another one
     */
    public DenialResponses(RateLimitHeaders headers, int status, RetryAfter retryAfter) {
        this(headers, status, UNAVAILABLE, retryAfter);
    }

    /**
     * Creates responses.
     *
     * @param headers           provides the names of policies
     * @param status            the status of a request that a limit denies, 429 or 503
     * @param unavailableStatus the status of a request that is denied because the store is unavailable, 429 or 503
     * @param retryAfter        the times to wait
     * @throws IllegalArgumentException if a status is another one
     */
    public DenialResponses(RateLimitHeaders headers, int status, int unavailableStatus, RetryAfter retryAfter) {
        if (status != TOO_MANY_REQUESTS && status != UNAVAILABLE) {
            throw new IllegalArgumentException("The status of denied requests is " + status + "; write 429 or 503.");
        }
        if (unavailableStatus != TOO_MANY_REQUESTS && unavailableStatus != UNAVAILABLE) {
            throw new IllegalArgumentException(
                    "The status of requests that are denied while the store is unavailable is " + unavailableStatus
                            + "; write 503 or 429.");
        }
        this.headers = headers;
        this.status = status;
        this.retryAfter = retryAfter;
        this.unavailableStatus = unavailableStatus;
        this.beforeDetail = beforeDetail(status == TOO_MANY_REQUESTS ? QUOTA_EXCEEDED : REDUCED_CAPACITY, status);
        this.beforeDetailOfUnavailable = beforeDetail(REDUCED_CAPACITY, unavailableStatus);
    }

    private static String beforeDetail(String type, int status) {
        return "{\"type\":\"" + type + "\",\"title\":\""
                + (status == TOO_MANY_REQUESTS ? "Too Many Requests" : "Service Unavailable") + "\",\"status\":"
                + status
                + ",\"detail\":\"";
    }

    /**
     * Creates the response to a denied request.
     *
     * @param decisions the decisions, at least one of them a denial
     * @param accept    the {@code Accept} header of the request, several lines joined with commas (RFC 9110, section
     *                  5.3), or {@code null}
     * @return the response
     */
    public Answer answer(Decisions decisions, @Nullable String accept) {
        long wait = retryAfter(decisions);
        if (decisions.isUnavailable()) {
            return unavailable(wait, contentType(accept));
        }
        String detail = wait == 0
                ? isConfigured(decisions)
                        ? "This request is not allowed."
                        : "Rate limit exceeded: this request costs more than is ever granted."
                : "Rate limit exceeded. Try again in " + wait + (wait == 1 ? " second." : " seconds.");
        String type = contentType(accept);
        return new Answer(status, wait, type, type.equals(TEXT) ? detail : problem(decisions, detail));
    }

    private static boolean isConfigured(Decisions decisions) {
        return decisions.list().stream()
                .anyMatch(decision -> !decision.allowed() && decision.source() == Decision.Source.CONFIGURATION);
    }

    /** Names no policy, because none is violated. */
    private Answer unavailable(long wait, String type) {
        String detail = "Rate limits cannot be checked at present. Try again in " + wait
                + (wait == 1 ? " second." : " seconds.");
        return new Answer(
                unavailableStatus, wait, type, type.equals(TEXT) ? detail : beforeDetailOfUnavailable + detail + "\"}");
    }

    /**
     * Returns the time to wait; see {@link RetryAfter#seconds}.
     *
     * @param decisions the decisions, at least one of them a denial
     * @return whole seconds, at least 1; 0 if the request can never pass
     */
    public long retryAfter(Decisions decisions) {
        return retryAfter.seconds(decisions);
    }

    /** Escapes nothing, because names of policies contain no quotation marks and backslashes. */
    private String problem(Decisions decisions, String detail) {
        if (decisions.list().size() == 1) {
            return problem(detail, headers.name(decisions.requests().get(0).policy()));
        }
        return problem(detail, String.join("\",\"", violated(decisions)));
    }

    private String problem(String detail, String names) {
        return beforeDetail + detail + "\",\"violated-policies\":[\"" + names + "\"]}";
    }

    private Set<String> violated(Decisions decisions) {
        Set<String> names = new LinkedHashSet<>();
        for (int i = 0; i < decisions.list().size(); i++) {
            if (decisions.list().get(i) instanceof Decision.Denied) {
                names.add(headers.name(decisions.requests().get(i).policy()));
            }
        }
        return names;
    }

    /** Returns the media type that the client prefers; problem details if it prefers no other one. */
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

    /**
     * Returns the weight of a media type, 0 to 1, from the most specific range that includes it (RFC 9110, 12.5.1); 0
     * if no range does, and {@link #REFUSED} if its weight is 0.
     */
    private static double quality(String accept, String type) {
        double quality = 0;
        int specific = -1;
        for (String range : accept.split(",", 20)) {
            String[] parts = range.split(";", -1);
            String wanted = parts[0].strip();
            int match = wanted.equalsIgnoreCase(type)
                    ? 2
                    : wanted.equals("*/*")
                            ? 0
                            : wanted.regionMatches(true, 0, type, 0, type.indexOf('/') + 1) && wanted.endsWith("/*")
                                    ? 1
                                    : -1;
            if (match > specific) {
                specific = match;
                quality = weight(parts);
            }
        }
        return specific >= 0 && quality <= 0 ? REFUSED : quality;
    }

    private static double weight(String[] parts) {
        for (int i = 1; i < parts.length; i++) {
            String parameter = parts[i].strip();
            if (parameter.regionMatches(true, 0, "q=", 0, 2) && parameter.length() <= 7) {
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
