package io.github.micronautratelimit.redis;

import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;

/** The way to the servers, which is told what became of the calls that went over it. */
@FunctionalInterface
interface Link {

    /** What carries a call; throws if nothing does now. */
    RedisClusterAsyncCommands<byte[], byte[]> commands();

    /** A server has answered. */
    default void answered() {
    }

    /** A call has failed. */
    default void failed(Throwable failure) {
    }
}
