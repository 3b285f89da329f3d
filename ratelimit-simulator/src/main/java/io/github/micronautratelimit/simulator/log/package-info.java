/** Reads access logs: files, formats, times and the order of lines. */
@NullMarked
package io.github.micronautratelimit.simulator.log;

import org.jspecify.annotations.NullMarked;
