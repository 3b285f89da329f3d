package io.github.micronautratelimit.redis;

import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.redis.Script.CommandSource;
import io.github.micronautratelimit.redis.ScriptCall.PendingDecision;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import io.lettuce.core.output.ValueOutput;
import io.lettuce.core.protocol.CommandArgs;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Sends calls of {@code decide.lua} and completes their requests. Independent requests share calls in batches. */
final class Dispatcher {

    private final Script script;
    private final CommandSource source;
    private final boolean cluster;
    private final @Nullable MicroClock clock;
    /** The clock of this process, which tells the windows of calendar quotas. */
    private final MicroClock caller;
    /** By how much the clock of a server was ahead of this process when that mattered, in microseconds. */
    private volatile long serverAhead;
    /** The latest batch; in a cluster one per hash slot, because all keys of a call must be in one slot. */
    private final AtomicReferenceArray<@Nullable Batch> open;
    /**
     * The requests that this thread makes in {@link #together}. They are sent afterwards, so that they share calls. The
     * callbacks of a completed call run so too.
     */
    private final ThreadLocal<@Nullable List<PendingDecision>> deferred = new ThreadLocal<>();

    private final LongAdder requests = new LongAdder();
    private final LongAdder batches = new LongAdder();

    /**
     * Creates a dispatcher.
     *
     * @param clock  decides instead of the server's, for tests; or {@code null}
     * @param caller the clock of this process
     */
    Dispatcher(Script script, CommandSource source, boolean cluster, @Nullable MicroClock clock, MicroClock caller) {
        this.script = script;
        this.source = source;
        this.cluster = cluster;
        this.clock = clock;
        this.caller = caller;
        this.open = new AtomicReferenceArray<>(cluster ? SlotHash.SLOT_COUNT : 1);
    }

    /** Returns the hash slot of a request; without a cluster, 0. */
    int hashSlot(PendingDecision request) {
        return cluster ? SlotHash.getSlot(request.key) : 0;
    }

    /** Sends a request that is decided by itself, together with others if the client is busy. */
    void sendShared(PendingDecision request) {
        requests.increment();
        List<PendingDecision> later = deferred.get();
        if (later != null) {
            later.add(request);
            return;
        }
        int slot = hashSlot(request);
        Batch batch = open.get(slot);
        if (batch == null || !batch.join(request)) {
            batch = new Batch(request, this::encode);
            open.set(slot, batch);
            send(slot, batch);
        }
    }

    private void send(int slot, Batch batch) {
        batches.increment();
        script.call(
                source, Dispatcher::output, batch, arguments -> encode(batch.close(), arguments), (reply, failure) -> {
                    // Keeps no batch in memory for a slot that is never used again.
                    open.compareAndSet(slot, batch, null);
                    completed(batch.close(), reply, failure);
                });
    }

    /** Sends a call of its own. */
    void send(ScriptCall call) {
        script.call(
                source,
                Dispatcher::output,
                arguments -> encode(call, arguments),
                (reply, failure) -> completed(call, reply, failure));
    }

    private static CommandOutput<byte[], byte[], byte[]> output() {
        return new ValueOutput<>(ByteArrayCodec.INSTANCE);
    }

    private void encode(Batch batch) {
        script.addCall(batch, arguments -> encode(batch.close(), arguments));
    }

    private void encode(ScriptCall call, CommandArgs<byte[], byte[]> arguments) {
        call.encode(arguments, clock == null ? 0 : clock.micros(), () -> caller.micros() + serverAhead);
    }

    LimiterStats.Coalescing stats() {
        return new LimiterStats.Coalescing(requests.sum(), batches.sum());
    }

    private void completed(ScriptCall call, byte @Nullable [] reply, @Nullable Throwable failure) {
        together(() -> complete(call, reply, failure));
    }

    /** Runs code on this thread, and then sends the requests that it has made in as few calls as possible. */
    void together(Runnable code) {
        if (deferred.get() != null) {
            code.run();
            return;
        }
        List<PendingDecision> later = new ArrayList<>();
        deferred.set(later);
        try {
            code.run();
        } finally {
            deferred.remove();
            sendAll(later);
        }
    }

    private void complete(ScriptCall call, byte @Nullable [] reply, @Nullable Throwable failure) {
        if (reply != null) {
            if (call.complete(reply)) {
                serverAhead = call.serverMicros() - caller.micros();
                send(call);
            }
        } else if (failure != null) {
            call.fail(failure);
        }
    }

    private void sendAll(List<PendingDecision> later) {
        Map<Integer, Batch> bySlot = new HashMap<>();
        for (PendingDecision request : later) {
            int slot = hashSlot(request);
            Batch batch = bySlot.get(slot);
            if (batch == null || !batch.join(request)) {
                if (batch != null) {
                    send(slot, batch);
                }
                bySlot.put(slot, new Batch(request, this::encode));
            }
        }
        bySlot.forEach(this::send);
    }
}
