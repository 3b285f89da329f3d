package io.github.micronautratelimit.config;

import io.micronaut.context.annotation.ConfigurationProperties;
import io.micronaut.context.exceptions.ConfigurationException;

/**
 * The settings that say what the clients of WebSockets are told. Set while the application starts, then only read.
 */
@ConfigurationProperties(WebSocketConfiguration.PREFIX)
public class WebSocketConfiguration {

    static final String PREFIX = RateLimitConfiguration.PREFIX + ".websocket";

    private Reject reject = Reject.HANDSHAKE;
    private Answer answer = Answer.ERROR;
    private String errorText = "{\"error\":\"rate limit exceeded\",\"policy\":\"{policy}\",\"retry-after\":{retry-after}}";
    private int closeAfter = 100;

    /** The settings' defaults. */
    public WebSocketConfiguration() {
    }

    /** How a connection beyond a limit is refused. */
    public enum Reject {

        /** The handshake is answered with the status of denied requests, 429, and its headers. */
        HANDSHAKE,

        /** The handshake succeeds, and the connection is closed with a code and a reason, which browsers let scripts read. */
        CLOSE
    }

    /** What a message beyond a limit is answered. Whatever it is, the application does not see the message. */
    public enum Answer {

        /** Nothing. */
        DROP,

        /** A text message that says so. */
        ERROR,

        /** The connection is closed. */
        CLOSE
    }

    /**
     * How a connection beyond a limit is refused.
     *
     * @return the way
     */
    public Reject getReject() {
        return reject;
    }

    /**
     * How a connection beyond a limit is refused: {@code handshake} or {@code close}. Default: {@code handshake}.
     *
     * @param reject the way
     */
    public void setReject(Reject reject) {
        this.reject = reject;
    }

    /**
     * What a message beyond a limit is answered.
     *
     * @return the answer
     */
    public Answer getAnswer() {
        return answer;
    }

    /**
     * What a message beyond a limit is answered: {@code error}, {@code drop} or {@code close}. Default: {@code error}.
     *
     * @param answer the answer
     */
    public void setAnswer(Answer answer) {
        this.answer = answer;
    }

    /**
     * The text of an error.
     *
     * @return any text
     */
    public String getErrorText() {
        return errorText;
    }

    /**
     * The text of an error. In it, <code>{policy}</code> stands for the name of the policy that denied,
     * <code>{retry-after}</code> for the seconds until the message would pass, rounded up, and
     * <code>{retry-after-ms}</code> for the milliseconds; both are {@code null} if it never would. Default:
     * <code>{"error":"rate limit exceeded","policy":"{policy}","retry-after":{retry-after}}</code>.
     *
     * @param errorText any text
     */
    public void setErrorText(String errorText) {
        this.errorText = errorText;
    }

    /**
     * After how many messages in a row beyond a limit the connection is closed.
     *
     * @return 1 or more; 0 for never
     */
    public int getCloseAfter() {
        return closeAfter;
    }

    /**
     * After how many messages in a row beyond a limit the connection is closed, whatever they are answered; 0 for
     * never. Default: {@code 100}.
     *
     * @param closeAfter 1 or more; 0 for never
     */
    public void setCloseAfter(int closeAfter) {
        if (closeAfter < 0) {
            throw new ConfigurationException(PREFIX + ".close-after = \"" + closeAfter
                    + "\": write how many messages in a row are too many, such as 100, or 0 to close never.");
        }
        this.closeAfter = closeAfter;
    }
}
