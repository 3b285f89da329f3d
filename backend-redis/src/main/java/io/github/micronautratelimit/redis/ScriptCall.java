package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.limit.TokenBucket;
import io.github.micronautratelimit.redis.Script.UnsignedBytes;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.protocol.CommandArgs;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One call of {@code decide.lua}: encodes its parameters and decodes its reply, in the order of the script's header.
 */
final class ScriptCall {

    /** One request in a call, and the stage on which its caller waits. */
    static final class PendingDecision extends CompletableFuture<Decision> {

        final EncodedPolicy policy;
        final byte[] key;
        final long permits;
        /** The request before this one in a batch; see {@link Batch}. */
        @Nullable
        PendingDecision earlier;

        /** The number of requests in the batch up to this one, and the sum of their weights. */
        int position;

        int weight;

        PendingDecision(EncodedPolicy policy, String key, long permits) {
            this.policy = policy;
            this.key = policy.keyName(key);
            this.permits = permits;
        }
    }

    /** Numbers in the script are exact up to 2^53. Larger requests are denied or refunded exactly like this one. */
    private static final long PERMITS_BEYOND_ALL_LIMITS = Limit.MAX_PERMITS + 1;

    private static final int HEAD = 1 + 7;
    private static final char BLOCK = 'b';

    private final char operation;
    /** The requests of each key. */
    private final List<List<PendingDecision>> keys;

    private final long blockMicros;

    ScriptCall(char operation, List<List<PendingDecision>> keys) {
        this(operation, keys, 0);
    }

    private ScriptCall(char operation, List<List<PendingDecision>> keys, long blockMicros) {
        this.operation = operation;
        this.keys = keys;
        this.blockMicros = blockMicros;
    }

    /** Creates a call that blocks the key of a request for 0 permits. */
    static ScriptCall block(PendingDecision request, long micros) {
        return new ScriptCall(BLOCK, List.of(List.of(request)), micros);
    }

    /**
     * Adds the parameters: the number of keys, the keys and the arguments.
     *
     * @param arguments receives them
     * @param micros    the time of the decision; 0 for the server's own time
     */
    void encode(CommandArgs<byte[], byte[]> arguments, long micros) {
        Map<EncodedPolicy, Integer> policies = new LinkedHashMap<>();
        int requests = 0;
        arguments.add(keys.size());
        for (List<PendingDecision> key : keys) {
            arguments.addKey(key.get(0).key);
            requests += key.size();
        }
        int tail = operation == BLOCK ? 7 : 0;
        ByteBuffer encoded = ByteBuffer.allocate(HEAD + 4 * keys.size() + 5 * requests + tail);
        encoded.put((byte) operation);
        UnsignedBytes.put(encoded, micros, 7);
        for (List<PendingDecision> key : keys) {
            encoded.putShort((short) (int) policies.computeIfAbsent(key.get(0).policy, policy -> policies.size() + 1));
            encoded.putShort((short) key.size());
            for (PendingDecision request : key) {
                UnsignedBytes.put(encoded, Math.min(request.permits, PERMITS_BEYOND_ALL_LIMITS), 5);
            }
        }
        UnsignedBytes.put(encoded, blockMicros, tail);
        arguments.add(encoded.array());
        policies.keySet().forEach(policy -> arguments.add(policy.limits));
    }

    /** Completes all requests from the reply of the script. */
    void complete(byte[] reply) {
        try {
            Reply decoder = new Reply(reply);
            for (List<PendingDecision> key : keys) {
                for (PendingDecision request : key) {
                    decoder.complete(request);
                }
            }
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Fails all requests that are not complete yet. */
    void fail(Throwable failure) {
        for (List<PendingDecision> key : keys) {
            for (PendingDecision request : key) {
                request.completeExceptionally(failure);
            }
        }
    }

    /** Decodes a reply, one request after the other. */
    private static final class Reply {

        /** The most units that a bucket in the core can owe. */
        private static final long MAX_UNITS = 1L << 62;

        private static final byte GRANTED = 1;
        private static final byte FOREIGN = 2;
        private static final byte BLOCKED = 3;

        private final ByteBuffer bytes;
        private final long now;

        Reply(byte[] reply) {
            this.bytes = ByteBuffer.wrap(reply);
            this.now = next(7);
        }

        private long next(int size) {
            return UnsignedBytes.get(bytes, size);
        }

        void complete(PendingDecision request) {
            Policy policy = request.policy.policy;
            byte status = bytes.get();
            if (status == FOREIGN) {
                request.completeExceptionally(new NonRetryableStoreException(foreign(request.key)));
            } else if (status == BLOCKED) {
                request.complete(blocked(next(7) - now, policy, request.permits));
            } else {
                request.complete(decision(policy, request.permits, status == GRANTED));
            }
        }

        private static RedisCommandExecutionException foreign(byte[] key) {
            return new RedisCommandExecutionException("the key " + new String(key, StandardCharsets.UTF_8)
                    + " does not contain a rate limit; delete it, or use another namespace for rate limits.");
        }

        private Decision blocked(long rest, Policy policy, long permits) {
            Decision unblocked = decision(policy, permits, false);
            long reset = Math.max(rest, unblocked.resetAfterMicros());
            if (permits == 0) {
                return new Decision.Allowed(0, reset, Decision.Source.STORE, reset, now);
            }
            long retry = unblocked.retryAfterMicros();
            return new Decision.Denied(
                    0,
                    retry == LimitState.NEVER ? retry : Math.max(rest, retry),
                    reset,
                    policy.rateLimits(),
                    Decision.Source.STORE);
        }

        private Decision decision(Policy policy, long permits, boolean granted) {
            List<Limit> limits = policy.rateLimits();
            List<Limit> deniedBy = List.of();
            long remaining = Long.MAX_VALUE;
            long retryAfter = 0;
            long resetAfter = 0;
            long next = 0;
            for (Limit limit : limits) {
                LimitResult result = limit instanceof TokenBucket bucket
                        ? bucket(bucket, permits, granted)
                        : window(limit, permits, granted);
                next = result.remaining < remaining
                        ? result.next
                        : result.remaining == remaining ? Math.max(next, result.next) : next;
                remaining = Math.min(remaining, result.remaining);
                resetAfter = Math.max(resetAfter, result.resetAfter);
                if (!result.admits) {
                    deniedBy = deniedBy.isEmpty() ? new ArrayList<>(limits.size()) : deniedBy;
                    deniedBy.add(limit);
                    boolean never = retryAfter == LimitState.NEVER || permits > limit.capacity();
                    retryAfter = never ? LimitState.NEVER : Math.max(retryAfter, result.retryAfter);
                }
            }
            return deniedBy.isEmpty()
                    ? new Decision.Allowed(remaining, resetAfter, Decision.Source.STORE, next, now)
                    : new Decision.Denied(
                            remaining, retryAfter, resetAfter, List.copyOf(deniedBy), Decision.Source.STORE);
        }

        /**
         * The decision of one limit. {@code retryAfter} is meaningful only if the limit does not admit the request,
         * {@code next} only if it does: the time until a further permit is free.
         */
        private record LimitResult(boolean admits, long remaining, long retryAfter, long resetAfter, long next) {}

        /** Leaves the times to the core, because they may be longer than a double in the script can count. */
        private LimitResult bucket(TokenBucket bucket, long permits, boolean granted) {
            LimitState state = bucket.state(next(7), owed(bucket, next(5), next(6)));
            boolean admits = granted || state.admits(permits);
            long remaining = state.remaining();
            return new LimitResult(
                    admits,
                    remaining,
                    admits ? 0 : state.retryAfter(permits, now),
                    state.resetAfter(now),
                    remaining == bucket.capacity() ? 0 : state.retryAfter(remaining + 1, now));
        }

        private static long owed(TokenBucket bucket, long permits, long rest) {
            return permits > MAX_UNITS / bucket.unitsPerPermit()
                    ? MAX_UNITS
                    : Math.min(MAX_UNITS, permits * bucket.unitsPerPermit() + rest / EncodedPolicy.divisor(bucket));
        }

        private LimitResult window(Limit limit, long permits, boolean granted) {
            long used = next(5);
            long retryAt = next(7);
            long resetAt = next(7);
            boolean admits = granted || permits == 0 || permits <= limit.permits() - used;
            long longest = limit.longestResetMicros();
            long resetAfter = Math.min(longest, Math.max(0, resetAt - now));
            return new LimitResult(
                    admits,
                    Math.max(0, limit.permits() - used),
                    Math.min(longest, retryAt - now),
                    resetAfter,
                    retryAt == 0 ? resetAfter : Math.min(longest, Math.max(0, retryAt - now)));
        }
    }
}
