/** Limits on the calls that the HTTP clients of the application make to other services. */
@NullMarked
package io.github.micronautratelimit.client;

import org.jspecify.annotations.NullMarked;
