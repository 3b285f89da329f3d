/** The command line: replays access logs under rate limits, and converts the limits of other products. */
@NullMarked
package io.github.micronautratelimit.simulator;

import org.jspecify.annotations.NullMarked;
