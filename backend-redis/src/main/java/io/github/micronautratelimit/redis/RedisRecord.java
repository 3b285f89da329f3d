package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.redis.Script.CommandSource;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.IntegerOutput;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Keeps a text in one string without expiry, {@code namespace::name}. No key of a policy has this form, because it
 * would contain a brace.
 */
final class RedisRecord implements SharedRecord {

    private static final Script REPLACE = Script.of("replace.lua");

    private final CommandSource source;
    private final byte[] key;

    RedisRecord(CommandSource source, String namespace, String name) {
        this.source = source;
        this.key = bytes(namespace + "::" + SharedRecord.requireName(name));
    }

    @Override
    public CompletionStage<String> read() {
        return Futures.call(() -> source.commands()
                .get(key)
                .thenApply(text -> text == null ? "" : new String(text, StandardCharsets.UTF_8)));
    }

    @Override
    public CompletionStage<Boolean> replace(String expected, String replacement) {
        return Futures.call(() -> {
            SharedRecord.requireFitting(replacement);
            CompletableFuture<Boolean> replaced = new CompletableFuture<>();
            REPLACE.call(
                    source,
                    () -> new IntegerOutput<>(ByteArrayCodec.INSTANCE),
                    arguments -> arguments
                            .add(1)
                            .addKey(key)
                            .addValue(bytes(expected))
                            .addValue(bytes(replacement)),
                    (reply, failure) -> {
                        if (failure == null) {
                            replaced.complete(reply != null && reply == 1);
                        } else {
                            replaced.completeExceptionally(failure);
                        }
                    });
            return replaced;
        });
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
