/** Real servers for tests: found or started on loopback, and gone when the test or the JVM ends. */
@NullMarked
package io.github.micronautratelimit.redis.server;

import org.jspecify.annotations.NullMarked;
