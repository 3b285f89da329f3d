/** The management endpoint {@code ratelimits} and the live page. */
@NullMarked
package io.github.micronautratelimit.management;

import org.jspecify.annotations.NullMarked;
