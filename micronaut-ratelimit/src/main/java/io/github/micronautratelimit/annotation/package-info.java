/**
 * What a user writes on routes and beans.
 */
@NullMarked
package io.github.micronautratelimit.annotation;

import org.jspecify.annotations.NullMarked;
