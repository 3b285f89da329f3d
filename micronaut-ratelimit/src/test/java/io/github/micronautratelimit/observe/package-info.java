@NullMarked
package io.github.micronautratelimit.observe;

import org.jspecify.annotations.NullMarked;
