/** A simulation of several instances over a store that fails, in virtual time and without threads. */
@NullMarked
package io.github.micronautratelimit.simulation;

import org.jspecify.annotations.NullMarked;
