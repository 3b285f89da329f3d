@NullMarked
package io.github.micronautratelimit.examples.lambda;

import org.jspecify.annotations.NullMarked;
