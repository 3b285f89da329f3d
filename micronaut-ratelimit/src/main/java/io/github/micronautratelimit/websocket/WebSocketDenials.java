package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.github.micronautratelimit.configuration.WebSocketConfiguration;
import io.github.micronautratelimit.configuration.WebSocketConfiguration.Answer;
import io.github.micronautratelimit.configuration.WebSocketConfiguration.Reject;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.web.DenialResponses;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.server.netty.NettyHttpRequest;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;

/** Builds the responses to denied connections and messages. */
@Context
@RequiresRateLimit
@Requires(classes = NettyHttpRequest.class)
final class WebSocketDenials {

    /** The code and reason for a client whose message is larger than its route accepts (RFC 6455, 7.4.1). */
    static final WebSocketCloseStatus MESSAGE_TOO_BIG =
            new WebSocketCloseStatus(WebSocketCloseStatus.MESSAGE_TOO_BIG.code(), "message too big");

    private static final long MICROS_PER_MILLI = 1_000;

    private final WebSocketConfiguration configuration;
    private final DenialResponses responses;
    private final RateLimitHeaders headers;

    WebSocketDenials(WebSocketConfiguration configuration, DenialResponses responses, RateLimitHeaders headers) {
        this.configuration = configuration;
        this.responses = responses;
        this.headers = headers;
    }

    /** Returns whether a rejected connection is opened and then closed. */
    boolean closesRejectedConnections() {
        return configuration.getReject() == Reject.CLOSE;
    }

    /** Returns whether the connection is closed after this number of denied messages in a row. */
    boolean closesAfter(int deniedInARow) {
        return configuration.getAnswer() == Answer.CLOSE
                || configuration.getCloseAfter() > 0 && deniedInARow >= configuration.getCloseAfter();
    }

    /** Returns whether the response to a denied message is an error text. */
    boolean sendsErrors() {
        return configuration.getAnswer() == Answer.ERROR;
    }

    /** Returns the response to a denied message. */
    String errorText(Decisions denial) {
        long micros = denial.retryAfterMicros();
        boolean never = micros == LimitState.NEVER;
        long millis = (micros + MICROS_PER_MILLI - 1) / MICROS_PER_MILLI;
        String text = denial.isUnavailable() ? configuration.getUnavailableText() : configuration.getErrorText();
        return text.replace("{policy}", policy(denial))
                .replace("{retry-after-ms}", never ? "null" : Long.toString(millis))
                .replace("{retry-after}", never ? "null" : Long.toString(responses.retryAfter(denial)));
    }

    private String policy(Decisions denial) {
        for (int i = 0; i < denial.list().size(); i++) {
            if (denial.list().get(i) instanceof Decision.Denied) {
                return headers.name(denial.requests().get(i).policy());
            }
        }
        return "";
    }

    /**
     * Returns the code and reason for a client whose message is denied: 1008, a policy violation, or 1013, try again
     * later, if the store is unavailable.
     */
    WebSocketCloseStatus closeStatusOfMessage(Decisions denial) {
        WebSocketCloseStatus status =
                denial.isUnavailable() ? WebSocketCloseStatus.TRY_AGAIN_LATER : WebSocketCloseStatus.POLICY_VIOLATION;
        return new WebSocketCloseStatus(status.code(), reason(denial));
    }

    /**
     * Returns the code and reason for a rejected connection: 1008, a policy violation, if all slots are taken or no
     * retry can succeed; otherwise 1013, try again later.
     */
    WebSocketCloseStatus closeStatusOfConnection(Decisions denial) {
        WebSocketCloseStatus status = isPolicyViolation(denial)
                ? WebSocketCloseStatus.POLICY_VIOLATION
                : WebSocketCloseStatus.TRY_AGAIN_LATER;
        return new WebSocketCloseStatus(status.code(), reason(denial));
    }

    private static boolean isPolicyViolation(Decisions denial) {
        for (int i = 0; i < denial.list().size(); i++) {
            Decision decision = denial.list().get(i);
            boolean allSlotsTaken = denial.requests().get(i).policy().concurrency() != null
                    && decision.source() != Decision.Source.FALLBACK;
            if (decision instanceof Decision.Denied
                    && (allSlotsTaken || decision.retryAfterMicros() == LimitState.NEVER)) {
                return true;
            }
        }
        return false;
    }

    /** Returns the reason of a close frame, at most 123 bytes (RFC 6455, 5.5). */
    private String reason(Decisions denial) {
        long seconds = responses.retryAfter(denial);
        return seconds == 0 ? "rate limit exceeded" : "retry-after=" + seconds;
    }
}
