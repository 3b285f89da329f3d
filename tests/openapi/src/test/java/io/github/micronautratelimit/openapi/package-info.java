/** Limits in OpenAPI, as micronaut-openapi writes them. */
@NullMarked
package io.github.micronautratelimit.openapi;

import org.jspecify.annotations.NullMarked;
