/** Tests of limits on gRPC services, over connections on loopback. */
@NullMarked
package io.github.micronautratelimit.grpc;

import org.jspecify.annotations.NullMarked;
