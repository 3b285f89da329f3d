/** Replays a log under candidates: the decisions of the product, with the time of the log. */
@NullMarked
package io.github.micronautratelimit.simulator.run;

import org.jspecify.annotations.NullMarked;
