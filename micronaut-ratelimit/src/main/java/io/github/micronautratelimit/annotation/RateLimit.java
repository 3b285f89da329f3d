package io.github.micronautratelimit.annotation;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

import io.github.micronautratelimit.OnError;

/**
 * Limits how often a route or a bean's method may be called: {@code @RateLimit("100/min")}.
 *
 * <p>On a route the limit holds per client, and a request beyond it is answered with status 429. On any other bean's
 * method it holds for all callers together, unless {@link #key()} says otherwise, and a call beyond it throws a
 * {@link io.github.micronautratelimit.RateLimitExceededException}: from the method itself, or through the
 * {@code CompletionStage}, {@code Publisher} or suspending function it returns.
 *
 * <p>On the class of a {@code @ServerWebSocket}, or on its {@code @OnOpen} method, it limits connections, and on its
 * {@code @OnMessage} method messages: of each connection by itself, unless {@link #key()} says otherwise. Neither throws.
 *
 * <p>Written several times, all limits must grant, or none is charged. On a class, all its methods draw on the same
 * permits; a limit on one of them comes on top. {@link NoRateLimit} exempts a method.
 *
 * <p>The texts are checked when the application starts and, if this library is on the annotation processor path, when
 * it is compiled.
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.METHOD, ElementType.TYPE, ElementType.ANNOTATION_TYPE})
@Repeatable(RateLimits.class)
@RateLimited
public @interface RateLimit {

    /**
     * The limits, for example {@code 100/min}, {@code 5/s burst 20}, {@code 1000/h sliding}, {@code 10000/day fixed};
     * several are joined by semicolons. One of them may be a limit on how many calls are under way at a time,
     * {@code 5 concurrent}: on a route until the response is written or the client gone, on other methods until they
     * return, or what they return completes, fails or is cancelled.
     *
     * @return the text; empty if the {@link #policy()} is configured
     */
    String value() default "";

    /**
     * The name of a policy. Wherever the same name is written, the same permits are drawn on. A policy of that name
     * under {@code ratelimit.policies} overrides the numbers written here.
     *
     * @return the name; empty for a limit of this place alone
     */
    String policy() default "";

    /**
     * Who is limited: a template such as <code>{ip}</code>, <code>{principal}</code>, <code>{principal-or-ip}</code>,
     * <code>{api-key}</code>, <code>{bearer-token}</code>, <code>{header:NAME}</code>, <code>{cookie:NAME}</code>,
     * <code>{path:NAME}</code>, <code>{bean:NAME}</code> or <code>{global}</code>, with text around; or, for a method without security annotations, one expression over its arguments such as
     * <code>#{ account.id }</code>. A part that is missing from a request is replaced by the client's address.
     *
     * @return the key; empty for the policy's configured key, else the client on routes and everybody on other beans
     */
    String key() default "";

    /**
     * What a call costs: a number; a placeholder such as <code>{query:size} 1..100</code> or
     * <code>{body-size} / 1024</code>, divided and within bounds, or from 1 up without; or an expression over the arguments.
     * What is missing from a request, or is no number, costs the least; an expression that gives none costs 1.
     *
     * @return the permits
     */
    String permits() default "1";

    /**
     * What to answer while the store cannot be asked.
     *
     * @return the answer; if not written, what is configured, and for connections to a WebSocket {@link OnError#CLOSED}
     *         unless the policy's own configuration says otherwise
     */
    OnError onError() default OnError.LOCAL;
}
