package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.redis.ScriptCall.PendingDecision;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Requests that share one script call. The batch is the argument list of its command: the first request creates it and
 * passes it to the client, and further requests join until the client encodes it or the batch is full.
 *
 * <p><em>Latency.</em> An idle client encodes a command at once, a busy one after the commands before it. So no request
 * waits for others, and the busier the client is, the larger batches become.
 *
 * <p><em>Concurrency.</em> The requests form a linked list whose head is {@link #latest}. Joining is lock-free; it
 * writes {@code earlier}, {@code position} and {@code weight} of a request before the request becomes visible to other
 * threads. Closing sets the head to {@code null}, after which no request can join. A batch is closed however its
 * command ends, so no request is left in it.
 */
final class Batch extends CommandArgs<byte[], byte[]> {

    /** Larger batches are not faster, and 32 requests under one token bucket occupy the server for about 0.1 ms. */
    static final int MAX_REQUESTS = 32;

    /**
     * 32 requests under one sliding window. Requests under policies with more limits form smaller batches, so that they
     * occupy the server no longer, and requests under cheap policies do not wait for them.
     */
    static final int MAX_WEIGHT = 3 * MAX_REQUESTS;

    private final AtomicReference<@Nullable PendingDecision> latest;
    private final byte[] firstKey;
    private final Consumer<Batch> encoder;
    private @Nullable ScriptCall call;

    /**
     * Creates a batch of one request.
     *
     * @param first   the first request
     * @param encoder closes the batch and adds the arguments
     */
    Batch(PendingDecision first, Consumer<Batch> encoder) {
        super(ByteArrayCodec.INSTANCE);
        this.latest = new AtomicReference<>(first);
        this.firstKey = first.key;
        this.encoder = encoder;
        // A failed attempt to join another batch may have left a value.
        first.earlier = null;
        first.position = 1;
        first.weight = first.policy.weight;
    }

    /** Adds a request. Returns {@code false} if the batch is full or closed. */
    boolean join(PendingDecision request) {
        while (true) {
            PendingDecision before = latest.get();
            if (before == null
                    || before.position == MAX_REQUESTS
                    || before.weight + request.policy.weight > MAX_WEIGHT) {
                return false;
            }
            request.earlier = before;
            request.position = before.position + 1;
            request.weight = before.weight + request.policy.weight;
            if (latest.compareAndSet(before, request)) {
                return true;
            }
        }
    }

    /** Returns the call of all requests. Afterwards no request can join. Idempotent. */
    synchronized ScriptCall close() {
        if (call == null) {
            call = new ScriptCall('e', byKey(latest.getAndSet(null)));
        }
        return call;
    }

    private static List<List<PendingDecision>> byKey(@Nullable PendingDecision last) {
        PendingDecision[] inOrder = new PendingDecision[last == null ? 0 : last.position];
        for (PendingDecision request = last; request != null; request = request.earlier) {
            inOrder[request.position - 1] = request;
        }
        if (inOrder.length == 1) {
            return List.of(List.of(inOrder));
        }
        Map<Subject, List<PendingDecision>> keys = new LinkedHashMap<>();
        for (PendingDecision request : inOrder) {
            request.earlier = null;
            // A caller that cancelled or timed out need not be charged.
            if (!request.isDone()) {
                keys.computeIfAbsent(new Subject(request.policy, request.key), subject -> new ArrayList<>(1))
                        .add(request);
            }
        }
        return new ArrayList<>(keys.values());
    }

    /** The policy and the key of a request. The name of a key ends with bytes of a hash. */
    private record Subject(EncodedPolicy policy, byte[] key) {

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Subject subject && policy == subject.policy && Arrays.equals(key, subject.key);
        }

        @Override
        public int hashCode() {
            return ByteBuffer.wrap(key).getInt(key.length - 5);
        }
    }

    /**
     * Fills the arguments. The client calls this first when it encodes the command. An exception here would leave half
     * a command on the connection, so the requests fail and the incomplete command is sent, which the server rejects.
     */
    @Override
    public int count() {
        if (super.count() == 0) {
            try {
                encoder.accept(this);
            } catch (RuntimeException e) {
                close().fail(e);
            }
        }
        return super.count();
    }

    @Override
    public ByteBuffer getFirstEncodedKey() {
        return ByteBuffer.wrap(firstKey);
    }
}
