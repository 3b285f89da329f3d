@NullMarked
package io.github.micronautratelimit.benchmarks.hazelcast;

import org.jspecify.annotations.NullMarked;
