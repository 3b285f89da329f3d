/**
 * What operators see: metrics, spans, log lines and application events.
 */
@NullMarked
package io.github.micronautratelimit.observe;

import org.jspecify.annotations.NullMarked;
