/** Real servers for tests, found or started on loopback. They end with the test or the JVM. */
@NullMarked
package io.github.micronautratelimit.redis.server;

import org.jspecify.annotations.NullMarked;
