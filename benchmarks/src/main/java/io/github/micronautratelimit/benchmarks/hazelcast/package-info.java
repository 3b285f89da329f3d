/** Benchmarks of decisions in Hazelcast, compared with Bucket4j. */
@NullMarked
package io.github.micronautratelimit.benchmarks.hazelcast;

import org.jspecify.annotations.NullMarked;
