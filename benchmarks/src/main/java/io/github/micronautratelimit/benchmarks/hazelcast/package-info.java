/** What a decision kept in Hazelcast costs, beside Bucket4j's. */
@NullMarked
package io.github.micronautratelimit.benchmarks.hazelcast;

import org.jspecify.annotations.NullMarked;
