/**
 * Limits on requests: filters, path rules and the answer to a request that is denied.
 */
@NullMarked
package io.github.micronautratelimit.http;

import org.jspecify.annotations.NullMarked;
