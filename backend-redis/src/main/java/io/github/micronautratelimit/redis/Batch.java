package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.CommandArgs;

/**
 * Requests that share a call. It is handed to the client with the first of them and stays open to others until the
 * client writes it, which is when its event loop comes to it: an idle client at once, a busy one after what came before.
 * So nobody waits for others, and the busier the client, the more share a call.
 *
 * <p>Joining never blocks. Whatever becomes of the command ends the batch, so that nothing is left in it.
 */
final class Batch extends CommandArgs<byte[], byte[]> {

    /** Where more gain nothing; so many keep the server from others for a tenth of a millisecond. */
    static final int MOST = 32;

    private final AtomicReference<@Nullable Request> latest;
    private final byte[] firstKey;
    private final Consumer<Batch> writer;
    private @Nullable Call call;

    /**
     * A batch.
     *
     * @param first  the first request
     * @param writer adds the arguments, once nobody can join any more
     */
    Batch(Request first, Consumer<Batch> writer) {
        super(ByteArrayCodec.INSTANCE);
        this.latest = new AtomicReference<>(first);
        this.firstKey = first.key;
        this.writer = writer;
        // It may have tried to join another batch.
        first.earlier = null;
        first.position = 1;
    }

    /** Whether the request goes with this batch; else it is too late, or the batch full. */
    boolean join(Request request) {
        while (true) {
            Request before = latest.get();
            if (before == null || before.position == MOST) {
                return false;
            }
            request.earlier = before;
            request.position = before.position + 1;
            if (latest.compareAndSet(before, request)) {
                return true;
            }
        }
    }

    /** Lets nobody join any more. */
    synchronized Call close() {
        if (call == null) {
            call = new Call('e', byKey(latest.getAndSet(null)));
        }
        return call;
    }

    private static List<List<Request>> byKey(@Nullable Request last) {
        Request[] inOrder = new Request[last == null ? 0 : last.position];
        for (Request request = last; request != null; request = request.earlier) {
            inOrder[request.position - 1] = request;
        }
        if (inOrder.length == 1) {
            return List.of(List.of(inOrder));
        }
        Map<Subject, List<Request>> keys = new LinkedHashMap<>();
        for (Request request : inOrder) {
            request.earlier = null;
            // Who does not wait any more need not be charged.
            if (request.isDone()) {
                continue;
            }
            keys.computeIfAbsent(new Subject(request.terms, request.key), key -> new ArrayList<>(1)).add(request);
        }
        return new ArrayList<>(keys.values());
    }

    /** Whom requests are about. The last bytes of a key's name are of its hash. */
    private record Subject(Terms terms, byte[] key) {

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Subject subject && terms == subject.terms && Arrays.equals(key, subject.key);
        }

        @Override
        public int hashCode() {
            return ByteBuffer.wrap(key).getInt(key.length - 5);
        }
    }

    /**
     * Asked for first when the command is written: the last moment to join has passed. What goes wrong must not leave
     * the connection with half a command, so what there is of it is written, which the server refuses.
     */
    @Override
    public int count() {
        if (super.count() == 0) {
            try {
                writer.accept(this);
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
