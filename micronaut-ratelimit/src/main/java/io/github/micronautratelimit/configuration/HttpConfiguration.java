package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.web.HeaderStyle;
import io.github.micronautratelimit.web.LegacyReset;
import io.micronaut.context.annotation.ConfigurationProperties;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of client addresses, keys and responses. Read when the application starts; later changes have no
 * effect.
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
    private int unavailableStatus = 503;
    private Duration retryAfterJitter = Duration.ZERO;
    private Duration retryAfterSpread = Duration.ZERO;
    private List<String> silence = List.of();

    /** Creates the default configuration. */
    public HttpConfiguration() {}

    /**
     * Returns the proxies that may state the address of a client.
     *
     * @return address ranges, or one number of proxies
     */
    public List<String> getTrustedProxies() {
        return trustedProxies;
    }

    /**
     * The proxies that may state the address of a client: address ranges such as {@code [10.0.0.0/8]}, or the number of
     * proxies in a row in front of the application, such as {@code 1}. Default: none.
     *
     * @param trustedProxies address ranges, or one number of proxies
     */
    public void setTrustedProxies(List<String> trustedProxies) {
        this.trustedProxies = List.copyOf(trustedProxies);
    }

    /**
     * Returns the only header from which the address of a client is read.
     *
     * @return its name, or {@code null} to read both X-Forwarded-For and Forwarded
     */
    public @Nullable String getForwardedHeader() {
        return forwardedHeader;
    }

    /**
     * The header that the trusted proxies write: {@code Forwarded}, {@code X-Forwarded-For}, or another header of
     * addresses in the format of the latter, such as {@code X-Real-IP}. Default: both of the first two, which are
     * ignored if they disagree.
     *
     * @param forwardedHeader its name
     */
    public void setForwardedHeader(String forwardedHeader) {
        this.forwardedHeader = forwardedHeader;
    }

    /**
     * Returns the number of leading bits of an IPv6 address that identify a client.
     *
     * @return 16 to 128
     */
    public int getIpv6Prefix() {
        return ipv6Prefix;
    }

    /**
     * The number of leading bits of an IPv6 address that identify a client, 16 to 128. Default: {@code 64}, the network
     * of one customer or more.
     *
     * @param ipv6Prefix 16 to 128
     */
    public void setIpv6Prefix(int ipv6Prefix) {
        this.ipv6Prefix = ipv6Prefix;
    }

    /**
     * Returns the secret for hashing keys. Other code must not use it.
     *
     * @return at least 16 characters; empty if not configured
     */
    public Optional<String> findSecret() {
        return secret;
    }

    /**
     * The secret for hashing keys, at least 16 characters. With a secret, keys leave the process as HMAC-SHA-256, so
     * that an address cannot be found by trying all addresses. All instances need the same secret. A changed secret
     * resets all counters. Default: none, and keys leave the process as SHA-256.
     *
     * @param secret at least 16 characters
     */
    public void setSecret(String secret) {
        this.secret = Optional.of(secret);
    }

    /**
     * Returns the headers that report a client's limits.
     *
     * @return the style
     */
    public HeaderStyle getHeaders() {
        return headers;
    }

    /**
     * The headers that report limits and remaining permits to a client: {@code ietf}, {@code legacy}, {@code both} or
     * {@code none}. Default: {@code ietf}.
     *
     * @param headers the style
     */
    public void setHeaders(HeaderStyle headers) {
        this.headers = headers;
    }

    /**
     * Returns the meaning of X-RateLimit-Reset.
     *
     * @return the unit
     */
    public LegacyReset getLegacyReset() {
        return legacyReset;
    }

    /**
     * The meaning of X-RateLimit-Reset: {@code seconds} from now, or seconds since the {@code epoch}. Default:
     * {@code seconds}.
     *
     * @param legacyReset the unit
     */
    public void setLegacyReset(LegacyReset legacyReset) {
        this.legacyReset = legacyReset;
    }

    /**
     * Returns the HTTP status of a denied request.
     *
     * @return 429 or 503
     */
    public int getStatus() {
        return status;
    }

    /**
     * The HTTP status of a denied request, 429 or 503. Default: {@code 429}.
     *
     * @param status 429 or 503
     */
    public void setStatus(int status) {
        this.status = status;
    }

    /**
     * Returns the HTTP status of a request that is denied because the store is unavailable.
     *
     * @return 503 or 429
     */
    public int getUnavailableStatus() {
        return unavailableStatus;
    }

    /**
     * The HTTP status of a request that {@code on-error: closed} denies because the store is unavailable, 503 or 429.
     * Default: {@code 503}.
     *
     * @param unavailableStatus 503 or 429
     */
    public void setUnavailableStatus(int unavailableStatus) {
        this.unavailableStatus = unavailableStatus;
    }

    /**
     * Returns the upper bound of the random time that is added to Retry-After.
     *
     * @return whole seconds; 0 to add nothing
     */
    public Duration getRetryAfterJitter() {
        return retryAfterJitter;
    }

    /**
     * The upper bound of a random time that is added to Retry-After, in whole seconds, so that clients do not all retry
     * at once. Default: {@code 0s}.
     *
     * @param retryAfterJitter whole seconds; 0 to add nothing
     */
    public void setRetryAfterJitter(Duration retryAfterJitter) {
        this.retryAfterJitter = retryAfterJitter;
    }

    /**
     * Returns the upper bound of the time that is added to Retry-After for clients that are denied together.
     *
     * @return whole seconds; 0 to add nothing
     */
    public Duration getRetryAfterSpread() {
        return retryAfterSpread;
    }

    /**
     * The upper bound of the time that is added to Retry-After so that clients which are denied together come back one
     * after the other, at the pace of the limit. In whole seconds, at most 1h. Default: {@code 0s}.
     *
     * @param retryAfterSpread whole seconds; 0 to add nothing
     */
    public void setRetryAfterSpread(Duration retryAfterSpread) {
        this.retryAfterSpread = retryAfterSpread;
    }

    /**
     * Returns the codes of the warnings that are not logged.
     *
     * @return codes
     */
    public List<String> getSilence() {
        return silence;
    }

    /**
     * The codes of the warnings that are not logged, such as {@code [RL001]}. Default: none.
     *
     * @param silence codes
     */
    public void setSilence(List<String> silence) {
        this.silence = List.copyOf(silence);
    }
}
