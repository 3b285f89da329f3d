package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.ConcurrencyBackend;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.internal.Futures;
import io.github.micronautratelimit.limit.ConcurrencyLimit;
import io.github.micronautratelimit.redis.Script.CommandSource;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.IntegerListOutput;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Keeps slots in Redis. Each key is a sorted set beside the key of the permits, in the same hash slot, and each
 * operation is one call of {@code lease.lua}.
 */
final class RedisConcurrencyBackend implements ConcurrencyBackend {

    static final Script LEASE = Script.of("lease.lua");

    private static final UUID NO_HOLDER = new UUID(0, 0);

    private final CommandSource source;
    private final EncodedPolicy.Cache policies;
    private final @Nullable MicroClock clock;

    /**
     * Creates a backend.
     *
     * @param source   supplies the connection
     * @param policies names the keys
     * @param clock    is sent with each call, instead of the server's own time; {@code null} for that
     */
    RedisConcurrencyBackend(CommandSource source, EncodedPolicy.Cache policies, @Nullable MicroClock clock) {
        this.source = source;
        this.policies = policies;
        this.clock = clock;
    }

    /** The reply of the script, in the order of its header. */
    private record SlotReply(boolean granted, long held, long firstMicros, long lastMicros) {

        static SlotReply of(List<Long> numbers) {
            return new SlotReply(numbers.get(0) == 1, numbers.get(1), numbers.get(2), numbers.get(3));
        }

        Decision decision(ConcurrencyLimit limit) {
            return granted
                    ? new Decision.Allowed(Math.max(0, limit.slots() - held), lastMicros, Decision.Source.STORE)
                    : new Decision.Denied(0, firstMicros, lastMicros, List.of(), Decision.Source.STORE);
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = policy.requireConcurrency();
        return call('a', policy, limit, key, holder).thenApply(reply -> reply.decision(limit));
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return call('k', policy, policy.requireConcurrency(), key, holder).thenApply(SlotReply::granted);
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return call('r', policy, policy.requireConcurrency(), key, holder).thenAccept(reply -> {});
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        ConcurrencyLimit limit = policy.requireConcurrency();
        return call('p', policy, limit, key, NO_HOLDER).thenApply(reply -> reply.decision(limit));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        return Futures.call(() -> source.commands().del(keyName(policy, key)).thenAccept(deleted -> {}));
    }

    /** Returns the name of the key of the permits, with one more letter. */
    private byte[] keyName(Policy policy, String key) {
        byte[] permits = policies.of(policy).keyName(key);
        byte[] slots = Arrays.copyOf(permits, permits.length + 1);
        slots[permits.length] = 'c';
        return slots;
    }

    private CompletableFuture<SlotReply> call(
            char operation, Policy policy, ConcurrencyLimit limit, String key, UUID holder) {
        CompletableFuture<SlotReply> result = new CompletableFuture<>();
        LEASE.<List<Long>>call(
                source,
                () -> new IntegerListOutput<>(ByteArrayCodec.INSTANCE),
                arguments -> arguments
                        .add(1)
                        .addKey(keyName(policy, key))
                        .add(ascii(Character.toString(operation)))
                        .add(ascii(Long.toString(clock == null ? 0 : clock.micros())))
                        .add(bytes(holder))
                        .add(ascii(Long.toString(limit.slots())))
                        .add(ascii(Long.toString(limit.leaseMicros()))),
                (numbers, failure) -> {
                    if (numbers != null) {
                        result.complete(SlotReply.of(numbers));
                    } else if (failure != null) {
                        result.completeExceptionally(failure);
                    }
                });
        return result;
    }

    private static byte[] bytes(UUID holder) {
        return ByteBuffer.allocate(16)
                .putLong(holder.getMostSignificantBits())
                .putLong(holder.getLeastSignificantBits())
                .array();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
