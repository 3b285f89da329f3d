@NullMarked
package io.github.micronautratelimit.examples.quickstart;

import org.jspecify.annotations.NullMarked;
