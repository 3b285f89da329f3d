/** The limits that a log is replayed under: candidates, their rules and the files that they are read from. */
@NullMarked
package io.github.micronautratelimit.simulator.policy;

import org.jspecify.annotations.NullMarked;
