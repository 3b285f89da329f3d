package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.NonRetryableStoreException;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.Reservation;
import io.github.micronautratelimit.ReservationRules;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.limit.LimitState;
import io.github.micronautratelimit.redis.Script.UnsignedBytes;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.protocol.CommandArgs;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One call of {@code decide.lua}: encodes its parameters in the order of the script's header, and completes its
 * requests from the {@link ScriptReply}.
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

    private static final long EXACT = 1L << 53;
    /** More permits than any limit and any debt can count together. */
    private static final long MOST_USED = 4 * Limit.MAX_PERMITS;

    private static final long ALL_ONES = -1;

    private static final int HEAD = 1 + 7;
    private static final char RESERVE = 'o';
    private static final char SETTLE = 's';
    private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    private final char operation;
    /** The requests of each key that are to be sent. */
    private List<List<PendingDecision>> keys;
    /** The parameters of the operation, after the requests. */
    private final ByteBuffer addition;
    /** Written before the request completes, and read afterwards. */
    private Reservation.Outcome outcome = Reservation.Outcome.UNKNOWN;

    private boolean readsUsage;
    /** Written before the request completes, and read afterwards. */
    private List<Limit.Usage> usage = List.of();
    /** The time of the server if it was outside the windows of a calendar quota; otherwise 0. */
    private long serverMicros;

    ScriptCall(char operation, List<List<PendingDecision>> keys) {
        this(operation, keys, NOTHING);
    }

    private ScriptCall(char operation, List<List<PendingDecision>> keys, ByteBuffer addition) {
        this.operation = operation;
        this.keys = keys;
        this.addition = addition;
    }

    /** Creates a call for one request. */
    private static ScriptCall one(char operation, PendingDecision request, ByteBuffer addition) {
        return new ScriptCall(operation, List.of(List.of(request)), addition.flip());
    }

    /** Creates a call that reads the usage of the key of a request for 0 permits. */
    static ScriptCall usage(PendingDecision request) {
        ScriptCall call = new ScriptCall('p', List.of(List.of(request)));
        call.readsUsage = true;
        return call;
    }

    /** Creates a call that blocks the key of a request for 0 permits. */
    static ScriptCall block(PendingDecision request, long micros) {
        ByteBuffer addition = ByteBuffer.allocate(7);
        UnsignedBytes.put(addition, micros, 7);
        return one('b', request, addition);
    }

    /** Creates a call that refunds the permits of a request. */
    static ScriptCall refund(PendingDecision request, long chargedAtMicros) {
        ByteBuffer addition = ByteBuffer.allocate(7);
        UnsignedBytes.put(addition, chargedAtMicros == LimitState.LATEST ? ALL_ONES : time(chargedAtMicros), 7);
        return one('r', request, addition);
    }

    /** Creates a call that reserves the permits of a request. */
    static ScriptCall reserve(PendingDecision request, UUID id, long ttlMicros, ReservationRules rules) {
        ByteBuffer addition = ByteBuffer.allocate(16 + 7 + 2 + 1);
        put(addition, id);
        UnsignedBytes.put(addition, time(ttlMicros), 7);
        UnsignedBytes.put(addition, rules.maxOpen(), 2);
        UnsignedBytes.put(addition, rules.refundedAtExpiry() ? 1 : 0, 1);
        return one(RESERVE, request, addition);
    }

    /** Creates a call that settles a reservation on the key of a request for 0 permits. */
    static ScriptCall settle(
            PendingDecision request, Reservation.Receipt receipt, long actual, ReservationRules rules) {
        long charged = rules.refundedAtExpiry() ? 0 : receipt.permits();
        ByteBuffer addition = ByteBuffer.allocate(16 + 7 + 6 + 6 + 5);
        put(addition, receipt.id());
        UnsignedBytes.put(addition, time(receipt.expiresAtMicros()), 7);
        UnsignedBytes.put(addition, Math.min(actual, MOST_USED), 6);
        UnsignedBytes.put(addition, Math.min(Math.max(0, actual - charged), MOST_USED), 6);
        UnsignedBytes.put(addition, rules.maxDebt() == ReservationRules.CAPACITY ? ALL_ONES : rules.maxDebt(), 5);
        return one(SETTLE, request, addition);
    }

    /** Returns a time that the script can count. Earlier and later ones have the same effect. */
    private static long time(long micros) {
        return Math.max(0, Math.min(micros, EXACT));
    }

    /** Adds an id. The order of the bytes is that of {@link UUID#compareTo}, which compares signed numbers. */
    private static void put(ByteBuffer encoded, UUID id) {
        encoded.putLong(id.getMostSignificantBits() ^ Long.MIN_VALUE);
        encoded.putLong(id.getLeastSignificantBits() ^ Long.MIN_VALUE);
    }

    /**
     * Adds the parameters: the number of keys, the keys and the arguments.
     *
     * @param arguments receives them
     * @param micros    the time of the decision; 0 for the server's own time
     * @param expected  returns the time at which the server will probably decide, for the windows of calendar quotas
     */
    void encode(CommandArgs<byte[], byte[]> arguments, long micros, LongSupplier expected) {
        Map<EncodedPolicy, Integer> policies = new LinkedHashMap<>();
        int requests = 0;
        arguments.add(keys.size());
        for (List<PendingDecision> key : keys) {
            arguments.addKey(key.get(0).key);
            requests += key.size();
        }
        ByteBuffer encoded = ByteBuffer.allocate(HEAD + 4 * keys.size() + 5 * requests + addition.remaining());
        encoded.put((byte) operation);
        UnsignedBytes.put(encoded, micros, 7);
        for (List<PendingDecision> key : keys) {
            encoded.putShort((short) (int) policies.computeIfAbsent(key.get(0).policy, policy -> policies.size() + 1));
            encoded.putShort((short) key.size());
            for (PendingDecision request : key) {
                UnsignedBytes.put(encoded, Math.min(request.permits, PERMITS_BEYOND_ALL_LIMITS), 5);
            }
        }
        encoded.put(addition.duplicate());
        arguments.add(encoded.array());
        LongSupplier around = serverMicros == 0 ? expected : () -> serverMicros;
        policies.keySet().forEach(policy -> arguments.add(policy.limits(around)));
    }

    /**
     * Completes the requests from the reply of the script. A request is left if the time of the server is outside the
     * windows that the call has named. The server has not executed it, so the call is to be sent again.
     *
     * @return whether requests are left; the call then has only these, and windows around {@link #serverMicros()}
     */
    boolean complete(byte[] reply) {
        try {
            ScriptReply decoder = new ScriptReply(reply);
            List<List<PendingDecision>> left = new ArrayList<>(0);
            for (List<PendingDecision> key : keys) {
                for (PendingDecision request : key) {
                    complete(request, decoder);
                }
                // The requests of a key have one policy.
                if (decoder.isOutsideWindows()) {
                    left.add(key);
                }
            }
            keys = left;
            if (!left.isEmpty() && serverMicros != 0) {
                throw new IllegalStateException(
                        "The clock of the Redis server has left the windows of a calendar quota "
                                + "twice within one decision; check its clock.");
            }
            serverMicros = decoder.now();
            return !left.isEmpty();
        } catch (RuntimeException e) {
            fail(e);
            return false;
        }
    }

    /** Returns the time of the server in its last reply, in microseconds since the epoch. */
    long serverMicros() {
        return serverMicros;
    }

    private void complete(PendingDecision request, ScriptReply reply) {
        Policy policy = request.policy.policy;
        if (!reply.nextRequest()) {
            if (!reply.isOutsideWindows()) {
                request.completeExceptionally(new NonRetryableStoreException(foreign(request.key)));
            }
        } else if (operation == RESERVE) {
            request.complete(reply.reservation(policy, request.permits));
        } else {
            if (operation == SETTLE) {
                outcome = reply.outcome();
            } else if (readsUsage) {
                usage = reply.usage(policy);
            }
            request.complete(reply.decision(policy, request.permits));
        }
    }

    private static RedisCommandExecutionException foreign(byte[] key) {
        return new RedisCommandExecutionException("the key " + new String(key, StandardCharsets.UTF_8)
                + " does not contain a rate limit; delete it, or use another namespace for rate limits.");
    }

    /** Returns what a settlement did, when its request is complete. */
    Reservation.Outcome outcome() {
        return outcome;
    }

    /** Returns the usage that was read, when its request is complete. */
    List<Limit.Usage> usage() {
        return usage;
    }

    /** Fails all requests that are not complete yet. */
    void fail(Throwable failure) {
        for (List<PendingDecision> key : keys) {
            for (PendingDecision request : key) {
                request.completeExceptionally(failure);
            }
        }
    }
}
