/** The result of a replay, and its forms: HTML, JSON, CSV and text. */
@NullMarked
package io.github.micronautratelimit.simulator.report;

import org.jspecify.annotations.NullMarked;
