package io.github.micronautratelimit.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.codec.Base16;

/**
 * A script beside this class.
 *
 * @param text   what a server that does not know it yet is sent
 * @param digest what it is called by
 */
record Script(byte[] text, byte[] digest) {

    static Script of(String resource) {
        try (InputStream in = Script.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("The script " + resource + " is not beside " + Script.class + ".");
            }
            byte[] text = in.readAllBytes();
            return new Script(text, Base16.digest(text).getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Sends the script ahead, to a server or to each master of a cluster. */
    CompletionStage<Void> load(StatefulConnection<byte[], byte[]> connection) {
        return connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster
                ? CompletableFuture.allOf(cluster.async().upstream().commands().scriptLoad(text).futures())
                : ((StatefulRedisConnection<byte[], byte[]>) connection).async().scriptLoad(text)
                        .thenAccept(digest -> { });
    }
}
