package io.github.micronautratelimit.web;

import io.github.micronautratelimit.Policy;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the policy of a key: with the limits configured for this key, otherwise from a resolver. Safe for use by any
 * number of threads.
 *
 * @param <R> the requests of a server
 */
public final class PolicyOverrides<R> {

    private static final Logger LOG = LoggerFactory.getLogger(PolicyOverrides.class);

    private final BiFunction<Policy, String, Policy> overrides;
    private final @Nullable Resolver<R> resolver;
    private final AtomicBoolean failed = new AtomicBoolean();

    /**
     * Chooses the limits of a key.
     *
     * @param <R> the requests of a server
     */
    @FunctionalInterface
    public interface Resolver<R> {

        /**
         * Returns the policy with the limits of a key. Must not block. If it throws an exception, the configured policy
         * applies.
         *
         * @param policy  the configured policy
         * @param key     the value of the key that is limited, as {@link RequestKeys#value} returns it
         * @param request the request, or {@code null} for a call outside a request
         * @return the policy itself, or a copy made by {@link Policy#withLimits}
         */
        Policy resolve(Policy policy, String key, @Nullable R request);
    }

    /**
     * Creates overrides.
     *
     * @param overrides returns the given policy, or a copy with the limits of a key that has its own; receives the
     *                  value of the key
     * @param resolver  chooses the limits of all other keys, or {@code null}
     */
    public PolicyOverrides(BiFunction<Policy, String, Policy> overrides, @Nullable Resolver<R> resolver) {
        this.overrides = overrides;
        this.resolver = resolver;
    }

    /**
     * Returns the policy of a key.
     *
     * @param policy  the configured policy
     * @param key     the key that is limited
     * @param request the request, or {@code null}
     * @return the policy with the limits of the key
     */
    public Policy of(Policy policy, String key, @Nullable R request) {
        String value = RequestKeys.value(key);
        Policy own = overrides.apply(policy, value);
        if (own != policy || resolver == null) {
            return own;
        }
        try {
            return resolver.resolve(policy, value, request);
        } catch (RuntimeException e) {
            if (failed.compareAndSet(false, true)) {
                LOG.warn(
                        "{} failed for the policy \"{}\". The configured limits apply. "
                                + "Further failures are not logged.",
                        resolver.getClass().getName(),
                        policy.name(),
                        e);
            }
            return policy;
        }
    }
}
