@NullMarked
package io.github.micronautratelimit.observability;

import org.jspecify.annotations.NullMarked;
