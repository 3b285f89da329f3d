@NullMarked
package io.github.micronautratelimit.redis;

import org.jspecify.annotations.NullMarked;
