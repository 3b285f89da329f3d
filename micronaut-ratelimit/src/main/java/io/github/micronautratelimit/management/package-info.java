/**
 * What micronaut-management shows of the limiter.
 */
@NullMarked
package io.github.micronautratelimit.management;

import org.jspecify.annotations.NullMarked;
