/**
 * Who is limited: key templates and what they stand for in a request.
 */
@NullMarked
package io.github.micronautratelimit.key;

import org.jspecify.annotations.NullMarked;
