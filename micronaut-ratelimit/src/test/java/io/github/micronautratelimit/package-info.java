@NullMarked
package io.github.micronautratelimit;

import org.jspecify.annotations.NullMarked;
