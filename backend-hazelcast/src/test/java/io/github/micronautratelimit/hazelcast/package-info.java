@NullMarked
package io.github.micronautratelimit.hazelcast;

import org.jspecify.annotations.NullMarked;
