package io.github.micronautratelimit.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.ScriptOutputType;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.async.RedisScriptingAsyncCommands;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.codec.Base16;

/** A script beside this class, called by its digest, and sent whole only to a server that does not know it yet. */
final class Script {

    private final byte[] text;
    private final String digest;

    Script(String resource) {
        try (InputStream in = Script.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("The script " + resource + " is not beside " + Script.class + ".");
            }
            this.text = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.digest = Base16.digest(text);
    }

    /** Sends the script ahead, to a server or to each master of a cluster. */
    CompletionStage<Void> load(StatefulConnection<byte[], byte[]> connection) {
        return connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster
                ? CompletableFuture.allOf(cluster.async().upstream().commands().scriptLoad(text).futures())
                : ((StatefulRedisConnection<byte[], byte[]>) connection).async().scriptLoad(text)
                        .thenAccept(digest -> { });
    }

    CompletionStage<List<Object>> run(RedisScriptingAsyncCommands<byte[], byte[]> commands,
                                      byte[][] keys, byte[][] arguments) {
        return commands.<List<Object>>evalsha(digest, ScriptOutputType.MULTI, keys, arguments)
                .exceptionallyCompose(failure -> isUnknown(failure)
                        ? commands.eval(text, ScriptOutputType.MULTI, keys, arguments)
                        : CompletableFuture.failedStage(failure));
    }

    /** The server has then done nothing, so that sending the script is no second try. */
    private static boolean isUnknown(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof RedisNoScriptException;
    }
}
