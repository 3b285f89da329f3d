package io.github.micronautratelimit.annotation;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.limit.ConcurrencyLimit.HoldUntil;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Limits the rate or the concurrency of calls to a route or to a method of a bean: {@code @RateLimit("100/min")}.
 *
 * <p><i>Routes.</i> The limit applies per client, by default per client address. A request beyond it is rejected with
 * status 429.
 *
 * <p><i>Methods of other beans, and of clients.</i> The limit applies to all callers together, unless {@link #key()} is
 * set. A call beyond it fails with a {@link io.github.micronautratelimit.RateLimitExceededException}: the method throws
 * it, or the returned {@code CompletionStage} or {@code Publisher}, or the suspending function, fails with it.
 *
 * <p><i>WebSockets.</i> On a class with {@code @ServerWebSocket}, or on its {@code @OnOpen} method, the annotation
 * limits connections. On its {@code @OnMessage} method, it limits the messages of each connection, unless
 * {@link #key()} is set. Neither throws an exception.
 *
 * <p><i>Message listeners.</i> A call waits until its limits grant it, because a denied message would be lost. With
 * {@link #maxWait()}, a call whose turn comes later fails like that of another method.
 *
 * <p>The annotation is repeatable: all limits must allow a call, otherwise none is charged. On a class with routes, all
 * its routes share the permits, and its other methods cost nothing. On another class or interface, all its public and
 * package-private methods share them, except those of {@link Object}. A limit on a method applies in addition.
 * {@link NoRateLimit} exempts a method. A limit belongs to the bean that it is written on, also if other beans inherit
 * the method. On a {@code @Factory} method, it is that of the bean that the method produces.
 *
 * <p>Invalid text fails start-up. If this library is on the annotation processor path, it already fails compilation.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
@Repeatable(RateLimits.class)
@RateLimited
public @interface RateLimit {

    /**
     * Returns the limits, for example {@code 100/min}, {@code 5/s burst 20}, {@code 1000/h sliding} or
     * {@code 10000/day fixed}; semicolons separate several. At most one is a concurrency limit, such as
     * {@code 5 concurrent}. On a route, a slot is held until the response is written or the client disconnects. On
     * other methods, it is held until the method returns, or until its asynchronous result completes, fails or is
     * cancelled.
     *
     * @return the text; empty if the {@link #policy()} is configured
     */
    String value() default "";

    /**
     * Returns the name of a policy. All uses of a name share the same permits. A policy with this name under
     * {@code ratelimit.policies} replaces the limits of the annotation.
     *
     * @return the name; empty for a limit of this annotation alone
     */
    String policy() default "";

    /**
     * Returns the key, for each value of which the limit applies separately. It is a template with <code>{ip}</code>,
     * <code>{ip:48}</code> (a range of IPv6 addresses),
     * <code>{principal}</code>, <code>{principal-or-ip}</code>, <code>{role}</code>, <code>{claim:NAME}</code>,
     * <code>{api-key}</code>, <code>{bearer-token}</code>,
     * <code>{header:NAME}</code>, <code>{cookie:NAME}</code>, <code>{query:NAME}</code>, <code>{path:NAME}</code>,
     * <code>{bean:NAME}</code>, <code>{global}</code> or, for WebSocket messages, <code>{connection}</code>, and with
     * text around them. On a method without security annotations, it may also be one
     * expression over the arguments, such as <code>#{ account.id }</code>. If a request lacks a value, the client's
     * address replaces it.
     *
     * @return the key; empty for the configured key of the policy, otherwise the default key on routes, and one shared
     *         key on other methods
     */
    String key() default "";

    /**
     * Returns the cost of a call in permits. It is a number, or a placeholder such as <code>{query:size} 1..100</code>
     * or <code>{body-size} / 1024 1..1000</code>, with a divisor and bounds; without bounds, it is at least 1. The size
     * of a body needs an upper bound. It may also be an expression over the arguments, such as <code>#{ size }</code>,
     * or <code>#{ size } 1..100</code> with bounds. If a request has no value, the cost is the lower bound. If an
     * expression has no result, the cost is 1, or the bound nearest to 1. If the value or result is not a number, the
     * cost is the upper bound.
     *
     * @return the cost
     */
    String permits() default "1";

    /**
     * Returns the only outcomes for which a call stays charged, for example <code>{"401", "403"}</code>: statuses of
     * the response to a route, classes of statuses such as {@code 5xx}, and full names of exception classes with which
     * a method fails. The permits of a call with another outcome are given back when it ends.
     *
     * @return the outcomes; empty for those of the configured policy, otherwise every call stays charged
     */
    String[] chargeOn() default {};

    /**
     * Returns the outcomes for which the permits of a call are given back, for example <code>{"5xx", "304"}</code>. An
     * annotation has these or {@link #chargeOn()}, not both.
     *
     * @return the outcomes; empty for those of the configured policy, otherwise every call stays charged
     */
    String[] refundOn() default {};

    /**
     * Returns the decision while the store is unavailable.
     *
     * @return the decision; if not set, the configured one, and for connections to a WebSocket {@link OnError#CLOSED}
     *         unless the policy itself is configured otherwise
     */
    OnError onError() default OnError.LOCAL;

    /**
     * Returns the longest time for which one request or call holds a slot of a concurrency limit, for example
     * {@code 30s} or {@code 5m}, 1 second to 366 days. After it, the slot is free, although the request may still run.
     *
     * @return the time; empty for the configured time of the policy, otherwise unbounded
     */
    String holdAtMost() default "";

    /**
     * Returns the longest time for which a request or call waits in turn for permits and slots, for example {@code 2s},
     * at most 1 hour. It is denied at once if its turn is known to come later. A request to a route occupies no thread
     * while it waits; a call of a method that returns no {@code CompletionStage} or {@code Publisher} blocks its
     * thread, and does not wait on an event loop. Not for the messages of a WebSocket.
     *
     * @return the time; empty for the configured time of the policy, otherwise calls do not wait
     */
    String maxWait() default "";

    /**
     * Returns whether the limit is in shadow mode: it is counted and reported, but denies no call. Under a configured
     * policy that is enforced elsewhere, it has counters of its own, under the name of the policy with {@code :shadow}
     * after it.
     *
     * @return {@code true} to deny no call
     */
    boolean shadow() default false;

    /**
     * Returns the end at which a request releases its slot of a concurrency limit. The configured policy may name
     * {@link HoldUntil#COMPLETION} too.
     *
     * @return the end
     */
    HoldUntil holdUntil() default HoldUntil.RESPONSE;
}
