package io.github.micronautratelimit.config;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.LegacyReset;
import io.micronaut.context.annotation.ConfigurationProperties;

/**
 * The settings that say who is asking and what clients are told. Set while the application starts, then only read.
 */
@ConfigurationProperties(RateLimitConfiguration.PREFIX)
public class HttpConfiguration {

    private List<String> trustedProxies = List.of();
    private @Nullable String forwardedHeader;
    private int ipv6Prefix = 64;
    private Optional<String> secret = Optional.empty();
    private HeaderStyle headers = HeaderStyle.IETF;
    private LegacyReset legacyReset = LegacyReset.SECONDS;
    private int status = 429;
    private Duration retryAfterJitter = Duration.ZERO;
    private List<String> silence = List.of();

    /** The settings' defaults. */
    public HttpConfiguration() {
    }

    /**
     * The proxies whose word about a client's address is believed.
     *
     * @return ranges of addresses, or one number of proxies
     */
    public List<String> getTrustedProxies() {
        return trustedProxies;
    }

    /**
     * The proxies whose word about a client's address is believed: ranges such as {@code [10.0.0.0/8]}, or how many there
     * are in a row in front of the application, such as {@code 1}. Default: none.
     *
     * @param trustedProxies ranges of addresses, or one number
     */
    public void setTrustedProxies(List<String> trustedProxies) {
        this.trustedProxies = List.copyOf(trustedProxies);
    }

    /**
     * The one header that the proxies write.
     *
     * @return its name, or {@code null} to read both X-Forwarded-For and Forwarded
     */
    public @Nullable String getForwardedHeader() {
        return forwardedHeader;
    }

    /**
     * The one header that the proxies write: {@code Forwarded}, {@code X-Forwarded-For} or one with addresses like it, such
     * as {@code X-Real-IP}. Default: both of the first are read, and believed unless they disagree.
     *
     * @param forwardedHeader its name
     */
    public void setForwardedHeader(String forwardedHeader) {
        this.forwardedHeader = forwardedHeader;
    }

    /**
     * The bits of an IPv6 address that tell clients apart.
     *
     * @return 16 to 128
     */
    public int getIpv6Prefix() {
        return ipv6Prefix;
    }

    /**
     * The bits of an IPv6 address that tell clients apart, 16 to 128. Default: {@code 64}, the network of one customer or more.
     *
     * @param ipv6Prefix 16 to 128
     */
    public void setIpv6Prefix(int ipv6Prefix) {
        this.ipv6Prefix = ipv6Prefix;
    }

    /** The secret that conceals keys; not for others to read. */
    Optional<String> findSecret() {
        return secret;
    }

    /**
     * With a secret, keys leave the process as HMAC-SHA-256 under it, from which nobody finds an address by trying them all. The
     * same for all instances; another one starts every counter afresh. At least 16 characters. Default: none, and keys leave as
     * SHA-256.
     *
     * @param secret at least 16 characters
     */
    public void setSecret(String secret) {
        this.secret = Optional.of(secret);
    }

    /**
     * Which headers tell a client how it stands.
     *
     * @return the style
     */
    public HeaderStyle getHeaders() {
        return headers;
    }

    /**
     * Which headers tell a client how it stands: {@code ietf}, {@code legacy}, {@code both} or {@code none}. Default:
     * {@code ietf}.
     *
     * @param headers the style
     */
    public void setHeaders(HeaderStyle headers) {
        this.headers = headers;
    }

    /**
     * What X-RateLimit-Reset counts.
     *
     * @return the unit
     */
    public LegacyReset getLegacyReset() {
        return legacyReset;
    }

    /**
     * What X-RateLimit-Reset counts: {@code seconds} from now, or since the {@code epoch}. Default: {@code seconds}.
     *
     * @param legacyReset the unit
     */
    public void setLegacyReset(LegacyReset legacyReset) {
        this.legacyReset = legacyReset;
    }

    /**
     * The status of a denied request.
     *
     * @return 429 or 503
     */
    public int getStatus() {
        return status;
    }

    /**
     * The status of a denied request: 429 or 503. Default: {@code 429}.
     *
     * @param status the status
     */
    public void setStatus(int status) {
        this.status = status;
    }

    /**
     * Up to how much longer than needed clients are told to wait.
     *
     * @return a duration; 0 to tell the exact time
     */
    public Duration getRetryAfterJitter() {
        return retryAfterJitter;
    }

    /**
     * Up to how much longer than needed clients are told to wait, at random, so that not all come back at once;
     * whole seconds. Default: {@code 0s}.
     *
     * @param retryAfterJitter whole seconds
     */
    public void setRetryAfterJitter(Duration retryAfterJitter) {
        this.retryAfterJitter = retryAfterJitter;
    }

    /**
     * The warnings that are not given.
     *
     * @return codes
     */
    public List<String> getSilence() {
        return silence;
    }

    /**
     * The warnings that are not given, by their codes, such as {@code [RL001]}. Default: none.
     *
     * @param silence codes
     */
    public void setSilence(List<String> silence) {
        this.silence = List.copyOf(silence);
    }
}
