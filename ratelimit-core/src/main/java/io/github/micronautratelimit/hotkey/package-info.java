/** Spares the store: caches denials, limits calls per key, prefetches permits and coalesces calls. */
@NullMarked
package io.github.micronautratelimit.hotkey;

import org.jspecify.annotations.NullMarked;
