/**
 * Keeps the state of keys in Hazelcast. A decision is one invocation on the member that owns the key, by the clock of
 * the cluster.
 *
 * <p>Start at {@link io.github.micronautratelimit.hazelcast.HazelcastBackend}. It sends a {@code KeyProcessor}
 * through the {@code RateLimitMap}. While a member lacks this library, {@code HazelcastMemberFallback} executes it
 * instead.
 */
@NullMarked
package io.github.micronautratelimit.hazelcast;

import org.jspecify.annotations.NullMarked;
