package io.github.micronautratelimit.configuration;

import io.github.micronautratelimit.OnError;
import io.micronaut.context.annotation.EachProperty;
import io.micronaut.context.annotation.Parameter;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The configuration of the calls to one service, under a name. Read when the application starts; later changes have no
 * effect.
 */
@EachProperty(RateLimitConfiguration.PREFIX + ".clients")
public class ClientConfiguration {

    private static final List<String> IDEMPOTENT = List.of("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE");

    private final String name;
    private List<String> serviceId = List.of();
    private List<String> host = List.of();
    private List<String> limits = List.of();
    private @Nullable String partition;
    private Optional<OnError> onError = Optional.empty();
    private Optional<Duration> maxWait = Optional.empty();
    private int retry;
    private List<String> retryMethods = IDEMPOTENT;
    private boolean learn = true;
    private Duration maxHoldBack = Duration.ofMinutes(5);

    /**
     * Creates the default configuration of a client.
     *
     * @param name the name, hyphenated
     */
    public ClientConfiguration(@Parameter String name) {
        this.name = name;
    }

    /**
     * Returns the name.
     *
     * @return the name, hyphenated
     */
    public String getName() {
        return name;
    }

    /**
     * Returns the identifiers of the service.
     *
     * @return identifiers; empty if not configured
     */
    public List<String> getServiceId() {
        return serviceId;
    }

    /**
     * The identifiers of the service, as in {@code @Client(id = "github")}. Default: none, and NAME is the identifier
     * if no host is configured either.
     *
     * @param serviceId one or more identifiers
     */
    public void setServiceId(List<String> serviceId) {
        this.serviceId = List.copyOf(serviceId);
    }

    /**
     * Returns the hosts of the service.
     *
     * @return hosts, with or without a port; empty if not configured
     */
    public List<String> getHost() {
        return host;
    }

    /**
     * The hosts of the service, with or without a port, such as {@code api.github.com}. All calls to them count, also
     * of low-level clients. Default: none.
     *
     * @param host one or more hosts
     */
    public void setHost(List<String> host) {
        this.host = List.copyOf(host);
    }

    /**
     * Returns the limits.
     *
     * @return texts, each with one or more limits
     */
    public List<String> getLimits() {
        return limits;
    }

    /**
     * The limits of all calls to the service from all instances, for example {@code 10/s burst 1}. Slots of a
     * concurrency limit are held until the answer has arrived. At least one rate limit. Required.
     *
     * @param limits texts, each with one or more limits
     */
    public void setLimits(List<String> limits) {
        this.limits = List.copyOf(limits);
    }

    /**
     * Returns the key template.
     *
     * @return a key template of outgoing requests, or {@code null}
     */
    public @Nullable String getPartition() {
        return partition;
    }

    /**
     * The template of what the service counts separately, from headers and the query of outgoing requests, such as
     * <code>{bearer-token}</code> or <code>{header:X-Tenant}</code>. Default: all calls count together.
     *
     * @param partition a key template
     */
    public void setPartition(String partition) {
        this.partition = partition;
    }

    /**
     * Returns the decision while the store is unavailable. Not a getter: with a getter, the framework would treat the
     * property as nullable and ignore an invalid value.
     *
     * @return the decision; empty if not configured
     */
    public Optional<OnError> findOnError() {
        return onError;
    }

    /**
     * The decision while the store is unavailable: {@code open}, {@code closed} or {@code local}. Default:
     * ratelimit.on-error.
     *
     * @param onError the decision
     */
    public void setOnError(OnError onError) {
        this.onError = Optional.of(onError);
    }

    /**
     * Returns the longest time for which a call waits. Not a getter, for the same reason as {@link #findOnError()}.
     *
     * @return a duration; empty if not configured
     */
    public Optional<Duration> findMaxWait() {
        return maxWait;
    }

    /**
     * The longest time for which a call waits: for its turn, while calls are held back, and before retries, all
     * together. More than zero, at most 1h. A call that would wait longer fails at once. Default: calls do not wait.
     *
     * @param maxWait more than zero, at most 1 hour
     */
    public void setMaxWait(Duration maxWait) {
        this.maxWait = Optional.of(maxWait);
    }

    /**
     * Returns how often a call is repeated.
     *
     * @return 0 to 10
     */
    public int getRetry() {
        return retry;
    }

    /**
     * The number of times that a call is repeated after an answer with status 429, 502, 503 or 504 and after a failed
     * connection, 0 to 10. Each repetition takes a permit and waits its turn, within {@code max-wait}. Default:
     * {@code 0}.
     *
     * @param retry 0 to 10
     */
    public void setRetry(int retry) {
        this.retry = retry;
    }

    /**
     * Returns the HTTP methods that are repeated.
     *
     * @return names in upper case
     */
    public List<String> getRetryMethods() {
        return retryMethods;
    }

    /**
     * The HTTP methods that are repeated. Default: {@code [GET, HEAD, OPTIONS, PUT, DELETE, TRACE]}, the idempotent
     * ones.
     *
     * @param retryMethods names in upper case
     */
    public void setRetryMethods(List<String> retryMethods) {
        this.retryMethods = List.copyOf(retryMethods);
    }

    /** Returns whether the methods that are repeated were set. */
    boolean hasRetryMethods() {
        return retryMethods != IDEMPOTENT;
    }

    /**
     * Returns whether calls are held back if the answers of the service say so.
     *
     * @return {@code true} by default
     */
    public boolean isLearn() {
        return learn;
    }

    /**
     * Holds calls back on all instances if the headers of an answer say that no permit is left, or an answer has the
     * status 429, or 503 with a time to wait. Default: {@code true}.
     *
     * @param learn {@code false} to ignore the answers
     */
    public void setLearn(boolean learn) {
        this.learn = learn;
    }

    /**
     * Returns the longest time for which an answer holds calls back.
     *
     * @return 1 second to 24 hours
     */
    public Duration getMaxHoldBack() {
        return maxHoldBack;
    }

    /**
     * The longest time for which an answer holds calls back, 1s to 24h, whatever its headers say. Default: {@code
     * 300s}.
     *
     * @param maxHoldBack 1 second to 24 hours
     */
    public void setMaxHoldBack(Duration maxHoldBack) {
        this.maxHoldBack = maxHoldBack;
    }

    /** Returns whether no property is set. */
    boolean isEmpty() {
        return serviceId.isEmpty()
                && host.isEmpty()
                && limits.isEmpty()
                && partition == null
                && onError.isEmpty()
                && maxWait.isEmpty()
                && retry == 0
                && !hasRetryMethods()
                && learn;
    }
}
