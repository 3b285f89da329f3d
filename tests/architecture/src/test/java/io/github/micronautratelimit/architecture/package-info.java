/** Architecture rules over the compiled classes of all published modules. */
@NullMarked
package io.github.micronautratelimit.architecture;

import org.jspecify.annotations.NullMarked;
