/**
 * Code that all HTTP integrations share and that needs no framework: client addresses, keys, costs, paths, headers and
 * responses to denied requests.
 */
@NullMarked
package io.github.micronautratelimit.web;

import org.jspecify.annotations.NullMarked;
