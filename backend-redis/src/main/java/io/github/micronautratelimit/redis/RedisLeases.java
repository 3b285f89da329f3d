package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.LeaseBackend;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Policy;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.IntegerListOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;

/**
 * Places in Redis: each key a sorted set beside the one of its permits, in the same slot, and each step one call of
 * {@code lease.lua}.
 */
final class RedisLeases implements LeaseBackend {

    static final Script LEASE = Script.of("lease.lua");

    private static final UUID NOBODY = new UUID(0, 0);

    private final Link link;
    private final Terms.Known terms;
    private final @Nullable MicroClock clock;

    /** With a clock, its time is sent along instead of the servers'. */
    RedisLeases(Link link, Terms.Known terms, @Nullable MicroClock clock) {
        this.link = link;
        this.terms = terms;
        this.clock = clock;
    }

    /** What the script has answered, in the order its header lists. */
    private record Reply(boolean granted, long held, long firstMicros, long lastMicros) {

        static Reply of(List<Long> numbers) {
            return new Reply(numbers.get(0) == 1, numbers.get(1), numbers.get(2), numbers.get(3));
        }

        Decision decision(ConcurrencyLimit limit) {
            return granted
                    ? new Decision.Allowed(Math.max(0, limit.holders() - held), lastMicros, Decision.Source.STORE)
                    : new Decision.Denied(0, firstMicros, lastMicros, List.of(), Decision.Source.STORE);
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, UUID holder) {
        ConcurrencyLimit limit = limitOf(policy);
        return call('a', policy, limit, key, holder).thenApply(reply -> reply.decision(limit));
    }

    @Override
    public CompletionStage<Boolean> renew(Policy policy, String key, UUID holder) {
        return call('k', policy, limitOf(policy), key, holder).thenApply(Reply::granted);
    }

    @Override
    public CompletionStage<Void> release(Policy policy, String key, UUID holder) {
        return call('r', policy, limitOf(policy), key, holder).thenApply(reply -> null);
    }

    @Override
    public CompletionStage<Decision> peek(Policy policy, String key) {
        ConcurrencyLimit limit = limitOf(policy);
        return call('p', policy, limit, key, NOBODY).thenApply(reply -> reply.decision(limit));
    }

    @Override
    public CompletionStage<Void> reset(Policy policy, String key) {
        try {
            return link.commands().del(name(policy, key)).thenApply(done -> null);
        } catch (RuntimeException e) {
            return CompletableFuture.failedStage(e);
        }
    }

    private static ConcurrencyLimit limitOf(Policy policy) {
        ConcurrencyLimit limit = policy.concurrency();
        if (limit == null) {
            throw new IllegalArgumentException("The policy \"" + policy.name() + "\" has no concurrency limit.");
        }
        return limit;
    }

    /** The name of the key's permits and a letter. */
    private byte[] name(Policy policy, String key) {
        byte[] permits = terms.of(policy).name(key);
        byte[] places = Arrays.copyOf(permits, permits.length + 1);
        places[permits.length] = 'c';
        return places;
    }

    private CompletableFuture<Reply> call(char operation, Policy policy, ConcurrencyLimit limit, String key, UUID holder) {
        byte[][] asked = {
            text(Character.toString(operation)), text(Long.toString(clock == null ? 0 : clock.micros())),
            ByteBuffer.allocate(16).putLong(holder.getMostSignificantBits()).putLong(holder.getLeastSignificantBits())
                    .array(),
            text(Long.toString(limit.holders())), text(Long.toString(limit.leaseMicros())),
        };
        CompletableFuture<Reply> answer = new CompletableFuture<>();
        send(CommandType.EVALSHA, LEASE.digest(), name(policy, key), asked, answer);
        return answer;
    }

    private void send(CommandType type, byte[] script, byte[] key, byte[][] asked, CompletableFuture<Reply> answer) {
        CommandArgs<byte[], byte[]> arguments =
                new CommandArgs<>(ByteArrayCodec.INSTANCE).add(script).add(1).addKey(key);
        for (byte[] argument : asked) {
            arguments.add(argument);
        }
        try {
            link.commands().<List<Long>>dispatch(type, new IntegerListOutput<>(ByteArrayCodec.INSTANCE), arguments)
                    .whenComplete((numbers, failure) -> {
                        if (failure instanceof RedisNoScriptException && type == CommandType.EVALSHA) {
                            // The server has done nothing, so that sending the script is no second try.
                            send(CommandType.EVAL, LEASE.text(), key, asked, answer);
                        } else if (numbers != null && numbers.size() == 4) {
                            link.answered();
                            answer.complete(Reply.of(numbers));
                        } else {
                            fail(answer, failure != null ? failure
                                    : new RedisException("The server has answered nothing."));
                        }
                    });
        } catch (RuntimeException e) {
            fail(answer, e);
        }
    }

    private void fail(CompletableFuture<Reply> answer, Throwable failure) {
        link.failed(failure);
        answer.completeExceptionally(Defect.or(failure));
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
