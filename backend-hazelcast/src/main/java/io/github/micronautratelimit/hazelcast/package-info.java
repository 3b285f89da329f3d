/**
 * Keys in Hazelcast: a decision is one invocation on the member that owns the key, by the cluster's clock.
 *
 * <p>Start at {@link io.github.micronautratelimit.hazelcast.HazelcastBackend}.
 */
@NullMarked
package io.github.micronautratelimit.hazelcast;

import org.jspecify.annotations.NullMarked;
