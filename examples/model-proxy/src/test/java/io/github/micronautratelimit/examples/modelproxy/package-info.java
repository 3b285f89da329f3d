/** Tests the proxy with a model of its own. */
@NullMarked
package io.github.micronautratelimit.examples.modelproxy;

import org.jspecify.annotations.NullMarked;
