/** Limits in the tests of an application: a clock to move, fresh limits for each test, and fixed limiters. */
@NullMarked
package io.github.micronautratelimit.test;

import org.jspecify.annotations.NullMarked;
