package io.github.micronautratelimit.web;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.Policy;

/**
 * The numbers that hold for a key: those written down for it alone, else what a resolver says. Safe for use by any number
 * of threads.
 *
 * @param <R> a server's requests
 */
public final class OwnNumbers<R> {

    private static final Logger LOG = LoggerFactory.getLogger(OwnNumbers.class);

    private final BiFunction<Policy, String, Policy> overrides;
    private final @Nullable Resolver<R> resolver;
    private final AtomicBoolean failed = new AtomicBoolean();

    /**
     * Says which numbers hold for a key.
     *
     * @param <R> a server's requests
     */
    @FunctionalInterface
    public interface Resolver<R> {

        /**
         * Chooses the numbers. Must not block; whatever it throws counts as the policy it was given.
         *
         * @param policy  the policy as it is written
         * @param key     who is limited
         * @param request the request, or {@code null} for a call outside any
         * @return the policy itself, or {@link Policy#withLimits} of it
         */
        Policy resolve(Policy policy, String key, @Nullable R request);
    }

    /**
     * Numbers of keys.
     *
     * @param overrides gives the policy it is given, or, for a key with numbers of its own, one with those
     * @param resolver  is asked about all other keys, or {@code null}
     */
    public OwnNumbers(BiFunction<Policy, String, Policy> overrides, @Nullable Resolver<R> resolver) {
        this.overrides = overrides;
        this.resolver = resolver;
    }

    /**
     * The policy for a key.
     *
     * @param policy  as it is written
     * @param key     who is limited
     * @param request the request, or {@code null}
     * @return the policy with the numbers that hold
     */
    public Policy of(Policy policy, String key, @Nullable R request) {
        Policy own = overrides.apply(policy, key);
        if (own != policy || resolver == null) {
            return own;
        }
        try {
            return resolver.resolve(policy, key, request);
        } catch (RuntimeException e) {
            if (failed.compareAndSet(false, true)) {
                LOG.warn("{} failed for the policy \"{}\", whose own numbers hold. Further failures of it are not logged.",
                        resolver.getClass().getName(), policy.name(), e);
            }
            return policy;
        }
    }
}
