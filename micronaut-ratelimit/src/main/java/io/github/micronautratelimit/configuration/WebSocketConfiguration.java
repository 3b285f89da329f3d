package io.github.micronautratelimit.configuration;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.exceptions.ConfigurationException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The configuration of responses to WebSocket clients. Read when the application starts; later changes have no effect.
 */
@Context
@RequiresRateLimit
@ConfigurationProperties(WebSocketConfiguration.PREFIX)
public class WebSocketConfiguration {

    static final String PREFIX = RateLimitConfiguration.PREFIX + ".websocket";

    private static final List<String> PLACEHOLDERS = List.of("policy", "retry-after", "retry-after-ms");

    /** In JSON, a brace is followed by a quotation mark or a space. */
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{([A-Za-z][\\w-]*)}");

    private Reject reject = Reject.HANDSHAKE;
    private Answer answer = Answer.ERROR;
    private String errorText =
            "{\"error\":\"rate limit exceeded\",\"policy\":\"{policy}\",\"retry-after\":{retry-after}}";
    private String unavailableText =
            "{\"error\":\"rate limits cannot be checked\",\"policy\":\"{policy}\",\"retry-after\":{retry-after}}";
    private int closeAfter = 100;

    /** Creates the default configuration. */
    public WebSocketConfiguration() {}

    /** The response to a connection beyond a limit. */
    public enum Reject {

        /** The handshake fails with the status of denied requests, 429, and its headers. */
        HANDSHAKE,

        /** The handshake succeeds. The connection is closed at once, with a code and a reason that scripts can read. */
        CLOSE
    }

    /** The response to a message beyond a limit. The application never receives the message. */
    public enum Answer {

        /** No response. */
        DROP,

        /** A text message that contains the error. */
        ERROR,

        /** The connection is closed. */
        CLOSE
    }

    /**
     * Returns the response to a connection beyond a limit.
     *
     * @return the response
     */
    public Reject getReject() {
        return reject;
    }

    /**
     * The response to a connection beyond a limit: {@code handshake} rejects the handshake with the status of denied
     * requests, {@code close} opens the connection and closes it at once with a code and a reason. Default:
     * {@code handshake}.
     *
     * @param reject the response
     */
    public void setReject(Reject reject) {
        this.reject = reject;
    }

    /**
     * Returns the response to a message beyond a limit.
     *
     * @return the response
     */
    public Answer getAnswer() {
        return answer;
    }

    /**
     * The response to a message beyond a limit: {@code error} sends the error text, {@code drop} sends nothing,
     * {@code close} closes the connection. Default: {@code error}.
     *
     * @param answer the response
     */
    public void setAnswer(Answer answer) {
        this.answer = answer;
    }

    /**
     * Returns the error text.
     *
     * @return any text
     */
    public String getErrorText() {
        return errorText;
    }

    /**
     * The error text. In it, <code>{policy}</code> is replaced by the name of the denying policy,
     * <code>{retry-after}</code> by the seconds until the message would pass, rounded up, and
     * <code>{retry-after-ms}</code> by the milliseconds. Both are {@code null} if the message can never pass. Default:
     * <code>{"error":"rate limit exceeded","policy":"{policy}","retry-after":{retry-after}}</code>.
     *
     * @param errorText any text
     */
    public void setErrorText(String errorText) {
        Matcher placeholder = PLACEHOLDER.matcher(errorText);
        while (placeholder.find()) {
            if (!PLACEHOLDERS.contains(placeholder.group(1))) {
                throw new ConfigurationException(PREFIX + ".error-text contains the unknown placeholder "
                        + placeholder.group() + "; write one of " + PLACEHOLDERS + " in braces.");
            }
        }
        this.errorText = errorText;
    }

    /**
     * Returns the text that is sent for a message that is denied because the store is unavailable.
     *
     * @return any text
     */
    public String getUnavailableText() {
        return unavailableText;
    }

    /**
     * The text that is sent for a message that {@code on-error: closed} denies because the store is unavailable, with
     * {@code answer: error}. It has the placeholders of {@code error-text}. Default:
     * <code>{"error":"rate limits cannot be checked","policy":"{policy}","retry-after":{retry-after}}</code>.
     *
     * @param unavailableText any text
     */
    public void setUnavailableText(String unavailableText) {
        this.unavailableText = unavailableText;
    }

    /**
     * Returns the number of denied messages in a row after which the connection is closed.
     *
     * @return 1 or more; 0 to never close it
     */
    public int getCloseAfter() {
        return closeAfter;
    }

    /**
     * The number of denied messages in a row after which the connection is closed, whatever the response to each of
     * them; 0 to never close it. Default: {@code 100}.
     *
     * @param closeAfter 1 or more; 0 to never close it
     */
    public void setCloseAfter(int closeAfter) {
        if (closeAfter < 0) {
            throw new ConfigurationException(PREFIX + ".close-after = \"" + closeAfter
                    + "\": the number of messages must not be negative; write one such as 100, or 0 to never close the"
                    + " connection.");
        }
        this.closeAfter = closeAfter;
    }
}
