package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.github.micronautratelimit.config.WebSocketConfiguration;
import io.github.micronautratelimit.config.WebSocketConfiguration.Answer;
import io.github.micronautratelimit.config.WebSocketConfiguration.Reject;
import io.github.micronautratelimit.web.DenialAnswers;
import io.github.micronautratelimit.web.RateLimitHeaders;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.http.server.netty.NettyHttpRequest;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;

/** What a WebSocket's client is told of a denial. */
@Context
@RequiresRateLimit
@Requires(classes = NettyHttpRequest.class)
final class SocketAnswers {

    private static final long MICROS_PER_MILLI = 1_000;

    private final WebSocketConfiguration configuration;
    private final DenialAnswers answers;
    private final RateLimitHeaders headers;

    SocketAnswers(WebSocketConfiguration configuration, DenialAnswers answers, RateLimitHeaders headers) {
        this.configuration = configuration;
        this.answers = answers;
        this.headers = headers;
    }

    /** Whether a refused connection is opened and closed. */
    boolean closeRefused() {
        return configuration.getReject() == Reject.CLOSE;
    }

    /** Whether a message is one too many to answer otherwise than by closing. */
    boolean closeAfter(int deniedInARow) {
        return configuration.getAnswer() == Answer.CLOSE
                || configuration.getCloseAfter() > 0 && deniedInARow >= configuration.getCloseAfter();
    }

    /** Whether a denied message is answered by an error. */
    boolean tellsErrors() {
        return configuration.getAnswer() == Answer.ERROR;
    }

    /** The text of an error. */
    String error(Decisions denial) {
        long micros = denial.retryAfterMicros();
        return configuration.getErrorText()
                .replace("{policy}", policy(denial))
                .replace("{retry-after-ms}", micros == Decision.NEVER ? "null"
                        : Long.toString((micros + MICROS_PER_MILLI - 1) / MICROS_PER_MILLI))
                .replace("{retry-after}", micros == Decision.NEVER ? "null" : Long.toString(answers.retryAfter(denial)));
    }

    private String policy(Decisions denial) {
        for (int i = 0; i < denial.each().size(); i++) {
            if (!denial.each().get(i).allowed()) {
                Ask ask = denial.asks().get(i);
                return headers.name(ask.policy());
            }
        }
        return "";
    }

    /** Why a connection is closed whose client sends too much. */
    WebSocketCloseStatus tooManyMessages(Decisions denial) {
        return new WebSocketCloseStatus(WebSocketCloseStatus.POLICY_VIOLATION.code(), reason(denial));
    }

    /** Why a connection is refused: one too many breaks the rules, one too early is to try again. */
    WebSocketCloseStatus refused(Decisions denial) {
        WebSocketCloseStatus kind = isOneTooMany(denial)
                ? WebSocketCloseStatus.POLICY_VIOLATION : WebSocketCloseStatus.TRY_AGAIN_LATER;
        return new WebSocketCloseStatus(kind.code(), reason(denial));
    }

    private static boolean isOneTooMany(Decisions denial) {
        for (int i = 0; i < denial.each().size(); i++) {
            Decision decision = denial.each().get(i);
            boolean places = denial.asks().get(i).policy().concurrency() != null
                    && decision.source() != Decision.Source.FALLBACK;
            if (!decision.allowed() && (places || decision.retryAfterMicros() == Decision.NEVER)) {
                return true;
            }
        }
        return false;
    }

    /** At most 123 bytes. */
    private String reason(Decisions denial) {
        long seconds = answers.retryAfter(denial);
        return seconds == 0 ? "rate limit exceeded" : "retry-after=" + seconds;
    }
}
