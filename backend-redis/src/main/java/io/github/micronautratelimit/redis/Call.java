package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import io.github.micronautratelimit.Limit;
import io.lettuce.core.protocol.CommandArgs;

/** What {@code decide.lua} is asked in one call, in the order its header lists. */
final class Call {

    /** The script's numbers are exact to 2^53; more than this is denied, or given back, alike. */
    private static final long MOST_PERMITS = Limit.MAX_PERMITS + 1;
    private static final int HEAD = 1 + 7;
    private static final char BLOCK = 'b';

    final char operation;
    /** The requests of each key. */
    final List<List<Request>> keys;
    private final long blockMicros;

    Call(char operation, List<List<Request>> keys) {
        this(operation, keys, 0);
    }

    private Call(char operation, List<List<Request>> keys, long blockMicros) {
        this.operation = operation;
        this.keys = keys;
        this.blockMicros = blockMicros;
    }

    /** Blocks the key of a request for 0 permits. */
    static Call block(Request request, long micros) {
        return new Call(BLOCK, List.of(List.of(request)), micros);
    }

    /** Adds all that follows the script: the number of keys, the keys and the arguments. */
    void write(CommandArgs<byte[], byte[]> arguments, long micros) {
        Map<Terms, Integer> policies = new LinkedHashMap<>();
        int requests = 0;
        arguments.add(keys.size());
        for (List<Request> key : keys) {
            arguments.addKey(key.get(0).key);
            requests += key.size();
        }
        int tail = operation == BLOCK ? 7 : 0;
        ByteBuffer asked = ByteBuffer.allocate(HEAD + 4 * keys.size() + 5 * requests + tail);
        asked.put((byte) operation);
        Packed.put(asked, micros, 7);
        for (List<Request> key : keys) {
            asked.putShort((short) (int) policies.computeIfAbsent(key.get(0).terms, terms -> policies.size() + 1));
            asked.putShort((short) key.size());
            for (Request request : key) {
                Packed.put(asked, Math.min(request.permits, MOST_PERMITS), 5);
            }
        }
        Packed.put(asked, blockMicros, tail);
        arguments.add(asked.array());
        policies.keySet().forEach(terms -> arguments.add(terms.limits));
    }

    /** Hands out what the script has answered. */
    void answer(byte[] reply) {
        try {
            Reply answers = new Reply(reply);
            for (List<Request> key : keys) {
                for (Request request : key) {
                    answers.next(request);
                }
            }
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Tells everybody who has no answer yet that there is none. */
    void fail(Throwable failure) {
        for (List<Request> key : keys) {
            for (Request request : key) {
                request.completeExceptionally(failure);
            }
        }
    }
}
