package io.github.micronautratelimit.redis;

import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.cluster.api.StatefulRedisClusterConnection;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.codec.Base16;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A Lua script, read from a resource of this package. Servers cache scripts: a call sends the digest of the script, and
 * the text only to a server that does not have it.
 *
 * @param text   the source
 * @param digest the SHA-1 of the source, in hexadecimal digits
 */
record Script(byte[] text, byte[] digest) {

    /** Supplies the commands of a connection, and receives the outcome of the calls that were made with them. */
    @FunctionalInterface
    interface CommandSource {

        /** Returns the commands of the present connection; throws a {@link RedisException} if there is none. */
        RedisClusterAsyncCommands<byte[], byte[]> commands();

        /** Returns the address of the server that keeps a key; empty if there is one server, or no connection. */
        default String nodeOf(byte[] key) {
            return "";
        }

        /**
         * Called after a server has replied to a call.
         *
         * @param call the arguments of the call, with its key
         */
        default void succeeded(CommandArgs<byte[], byte[]> call) {}

        /**
         * Called after a call has failed.
         *
         * @param call the arguments of the call, with its key
         */
        default void failed(CommandArgs<byte[], byte[]> call, Throwable failure) {}
    }

    /** Unsigned integers of a given number of bytes, big endian: {@code >I5} for the scripts is 5 bytes here. */
    static final class UnsignedBytes {

        private UnsignedBytes() {}

        static void put(ByteBuffer buffer, long number, int bytes) {
            for (int shift = (bytes - 1) * Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
                buffer.put((byte) (number >>> shift));
            }
        }

        static long get(ByteBuffer buffer, int bytes) {
            long number = 0;
            for (int i = 0; i < bytes; i++) {
                number = number << Byte.SIZE | buffer.get() & 0xff;
            }
            return number;
        }
    }

    static Script of(String resource) {
        try (InputStream in = Script.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("The resource " + resource + " of " + Script.class + " is missing.");
            }
            byte[] text = in.readAllBytes();
            return new Script(text, Base16.digest(text).getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Loads the script into a server, or into each master of a cluster. */
    CompletionStage<Void> load(StatefulConnection<byte[], byte[]> connection) {
        return connection instanceof StatefulRedisClusterConnection<byte[], byte[]> cluster
                ? CompletableFuture.allOf(
                        cluster.async().upstream().commands().scriptLoad(text).futures())
                : ((StatefulRedisConnection<byte[], byte[]>) connection)
                        .async()
                        .scriptLoad(text)
                        .thenAccept(digest -> {});
    }

    /**
     * Calls the script.
     *
     * @param source     supplies the connection
     * @param output     creates a decoder of the reply
     * @param parameters adds the number of keys, the keys and the arguments
     * @param callback   receives the reply, or the failure as {@link RedisFailures} classifies it
     */
    <T> void call(
            CommandSource source,
            Supplier<? extends CommandOutput<byte[], byte[], T>> output,
            Consumer<CommandArgs<byte[], byte[]>> parameters,
            BiConsumer<@Nullable T, @Nullable Throwable> callback) {
        CommandArgs<byte[], byte[]> arguments = new CommandArgs<>(ByteArrayCodec.INSTANCE);
        addCall(arguments, parameters);
        call(source, output, arguments, parameters, callback);
    }

    /** Does the same with arguments that {@link #addCall} fills later, when the client encodes them. */
    <T> void call(
            CommandSource source,
            Supplier<? extends CommandOutput<byte[], byte[], T>> output,
            CommandArgs<byte[], byte[]> arguments,
            Consumer<CommandArgs<byte[], byte[]>> parameters,
            BiConsumer<@Nullable T, @Nullable Throwable> callback) {
        dispatch(source, CommandType.EVALSHA, output.get(), arguments, (reply, failure) -> {
            if (failure instanceof RedisNoScriptException) {
                // The server has executed nothing, so the second command cannot charge twice.
                CommandArgs<byte[], byte[]> withText = new CommandArgs<>(ByteArrayCodec.INSTANCE).add(text);
                parameters.accept(withText);
                dispatch(
                        source,
                        CommandType.EVAL,
                        output.get(),
                        withText,
                        (result, error) -> complete(source, withText, result, error, callback));
            } else {
                complete(source, arguments, reply, failure, callback);
            }
        });
    }

    /** Adds the arguments of a call: the digest and the parameters. */
    void addCall(CommandArgs<byte[], byte[]> arguments, Consumer<CommandArgs<byte[], byte[]>> parameters) {
        arguments.add(digest);
        parameters.accept(arguments);
    }

    private static <T> void dispatch(
            CommandSource source,
            CommandType type,
            CommandOutput<byte[], byte[], T> output,
            CommandArgs<byte[], byte[]> arguments,
            BiConsumer<@Nullable T, @Nullable Throwable> callback) {
        try {
            source.commands().dispatch(type, output, arguments).whenComplete(callback);
        } catch (RuntimeException e) {
            callback.accept(null, e);
        }
    }

    private static <T> void complete(
            CommandSource source,
            CommandArgs<byte[], byte[]> arguments,
            @Nullable T reply,
            @Nullable Throwable failure,
            BiConsumer<@Nullable T, @Nullable Throwable> callback) {
        if (reply != null) {
            source.succeeded(arguments);
            callback.accept(reply, null);
        } else {
            Throwable reason = failure != null ? failure : new RedisException("The reply of the script is empty.");
            source.failed(arguments, reason);
            callback.accept(null, RedisFailures.classify(reason));
        }
    }
}
