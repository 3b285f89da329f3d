/**
 * Limits of gRPC services, and of calls to other services.
 *
 * <p>Uses the packages {@code policy}, {@code key} and {@code configuration} of {@code micronaut-ratelimit}.
 */
@NullMarked
package io.github.micronautratelimit.grpc;

import org.jspecify.annotations.NullMarked;
