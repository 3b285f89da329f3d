/** Answers for a store that fails or is late: deadline, circuit breaker and the fallback of each policy. */
@NullMarked
package io.github.micronautratelimit.guard;

import org.jspecify.annotations.NullMarked;
