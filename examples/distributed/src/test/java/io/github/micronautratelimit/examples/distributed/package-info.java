@NullMarked
package io.github.micronautratelimit.examples.distributed;

import org.jspecify.annotations.NullMarked;
