@NullMarked
package io.github.micronautratelimit.test;

import org.jspecify.annotations.NullMarked;
