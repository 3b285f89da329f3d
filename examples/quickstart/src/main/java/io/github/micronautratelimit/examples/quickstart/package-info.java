/**
 * A small application with three limits: on a route, by a configured policy, and on a bean.
 */
@NullMarked
package io.github.micronautratelimit.examples.quickstart;

import org.jspecify.annotations.NullMarked;
