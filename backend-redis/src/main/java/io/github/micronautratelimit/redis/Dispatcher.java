package io.github.micronautratelimit.redis;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.LimiterStats;
import io.github.micronautratelimit.MicroClock;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisNoScriptException;
import io.lettuce.core.cluster.SlotHash;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.ValueOutput;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.CommandType;

/** Sends calls and hands out their answers; requests that stand on their own share calls. */
final class Dispatcher {

    private final Script script;
    private final Link link;
    private final boolean cluster;
    private final @Nullable MicroClock clock;
    /** The batch that may still be open; in a cluster one for each slot, as a call has keys of one slot only. */
    private final AtomicReferenceArray<@Nullable Batch> open;
    /** While this thread hands out answers, what callers ask in reply: sent together when all have theirs. */
    private final ThreadLocal<@Nullable List<Request>> held = new ThreadLocal<>();

    private final LongAdder requests = new LongAdder();
    private final LongAdder shared = new LongAdder();

    Dispatcher(Script script, Link link, boolean cluster,
               @Nullable MicroClock clock) {
        this.script = script;
        this.link = link;
        this.cluster = cluster;
        this.clock = clock;
        this.open = new AtomicReferenceArray<>(cluster ? SlotHash.SLOT_COUNT : 1);
    }

    /** The slot whose requests may share a call. */
    int slot(Request request) {
        return cluster ? SlotHash.getSlot(request.key) : 0;
    }

    /** Asks for what is decided on its own. */
    void share(Request request) {
        requests.increment();
        List<Request> later = held.get();
        if (later != null) {
            later.add(request);
            return;
        }
        int slot = slot(request);
        Batch batch = open.get(slot);
        if (batch == null || !batch.join(request)) {
            batch = new Batch(request, this::write);
            open.set(slot, batch);
            send(slot, batch);
        }
    }

    private void send(int slot, Batch batch) {
        shared.increment();
        send(CommandType.EVALSHA, batch, () -> {
            // Nobody may ever ask for this slot again.
            open.compareAndSet(slot, batch, null);
            return batch.close();
        });
    }

    LimiterStats.Sharing sharing() {
        return new LimiterStats.Sharing(requests.sum(), shared.sum());
    }

    /** Sends a call of its own. */
    void send(Call call) {
        send(CommandType.EVALSHA, arguments(script.digest(), call), () -> call);
    }

    private void write(Batch batch) {
        write(script.digest(), batch.close(), batch);
    }

    private CommandArgs<byte[], byte[]> arguments(byte[] name, Call call) {
        CommandArgs<byte[], byte[]> arguments = new CommandArgs<>(ByteArrayCodec.INSTANCE);
        write(name, call, arguments);
        return arguments;
    }

    private void write(byte[] name, Call call, CommandArgs<byte[], byte[]> arguments) {
        arguments.add(name);
        call.write(arguments, clock == null ? 0 : clock.micros());
    }

    private void send(CommandType type, CommandArgs<byte[], byte[]> arguments, Supplier<Call> call) {
        try {
            link.commands().dispatch(type, new ValueOutput<>(ByteArrayCodec.INSTANCE), arguments)
                    .whenComplete((reply, failure) -> completed(type, call.get(), reply, failure));
        } catch (RuntimeException e) {
            completed(type, call.get(), null, e);
        }
    }

    private void completed(CommandType type, Call call, byte @Nullable [] reply, @Nullable Throwable failure) {
        if (failure instanceof RedisNoScriptException && type == CommandType.EVALSHA) {
            // The server has done nothing, so that sending the script is no second try.
            send(CommandType.EVAL, arguments(script.text(), call), () -> call);
            return;
        }
        if (held.get() != null) {
            handOut(call, reply, failure);
            return;
        }
        List<Request> asked = new ArrayList<>();
        held.set(asked);
        try {
            handOut(call, reply, failure);
        } finally {
            held.remove();
            shareAll(asked);
        }
    }

    private void handOut(Call call, byte @Nullable [] reply, @Nullable Throwable failure) {
        if (reply != null) {
            link.answered();
            call.answer(reply);
        } else {
            Throwable reason = failure != null ? failure : new RedisException("The server has answered nothing.");
            link.failed(reason);
            call.fail(Defect.or(Unanswered.or(reason)));
        }
    }

    private void shareAll(List<Request> asked) {
        Map<Integer, Batch> batches = new HashMap<>();
        for (Request request : asked) {
            int slot = slot(request);
            Batch batch = batches.get(slot);
            if (batch == null || !batch.join(request)) {
                if (batch != null) {
                    send(slot, batch);
                }
                batches.put(slot, new Batch(request, this::write));
            }
        }
        batches.forEach(this::send);
    }
}
