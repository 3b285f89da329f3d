package io.github.micronautratelimit.websocket;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import io.github.micronautratelimit.Decisions;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.util.ReferenceCountUtil;

/**
 * Lets messages of one connection through to the application, as far as its limits grant them.
 *
 * <p>A message is decided before it is read: when its first frame has come, or, if its size counts, when it is whole or too
 * large for any limit to grant. What comes while a store is asked waits, in order, and nothing more is read from the
 * connection meanwhile: so a client is slowed down, and no thread is.
 */
final class MessageGate extends ChannelDuplexHandler {

    private static final Logger LOG = LoggerFactory.getLogger(MessageGate.class);
    private static final AtomicBoolean FAILED = new AtomicBoolean();

    private final MessageLimiter limiter;
    private final MessageLimits limits;
    private final SocketAnswers answers;

    /** What has come, and is to be looked at in turn. */
    private final Queue<WebSocketFrame> arrived = new ArrayDeque<>();
    /** The frames of the message that is not decided yet. */
    private final List<WebSocketFrame> undecided = new ArrayList<>(1);
    private long size;
    /** What becomes of further frames of a message that is decided but not whole. */
    private Rest rest = Rest.NONE;
    private boolean asking;
    private boolean readHeldBack;
    private boolean removed;
    private int deniedInARow;

    private enum Rest {
        NONE, PASS, DROP
    }

    MessageGate(MessageLimiter limiter, MessageLimits limits, SocketAnswers answers) {
        this.limiter = limiter;
        this.limits = limits;
        this.answers = answers;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof WebSocketFrame frame) {
            arrived.add(frame);
            work(context);
        } else {
            context.fireChannelRead(message);
        }
    }

    private void work(ChannelHandlerContext context) {
        while (!asking && !arrived.isEmpty()) {
            take(context, arrived.remove());
        }
        if (!asking && readHeldBack) {
            readHeldBack = false;
            context.read();
        }
    }

    private void take(ChannelHandlerContext context, WebSocketFrame frame) {
        boolean ofMessage = frame instanceof TextWebSocketFrame || frame instanceof BinaryWebSocketFrame
                || frame instanceof ContinuationWebSocketFrame;
        if (!ofMessage) {
            context.fireChannelRead(frame);
        } else if (rest == Rest.NONE) {
            undecided.add(frame);
            size += frame.content().readableBytes();
            if (frame.isFinalFragment() || !limits.dependOnSize() || limits.neverGrant(size)) {
                ask(context);
            }
        } else {
            boolean last = frame.isFinalFragment();
            passOrDrop(context, frame, rest == Rest.PASS);
            rest = last ? Rest.NONE : rest;
        }
    }

    private void ask(ChannelHandlerContext context) {
        CompletableFuture<Decisions> answer = limiter.acquire(limits, size);
        if (answer.isDone()) {
            conclude(context, answer);
            return;
        }
        asking = true;
        answer.whenComplete((made, failure) -> context.executor().execute(() -> {
            asking = false;
            conclude(context, answer);
            work(context);
        }));
    }

    private void conclude(ChannelHandlerContext context, CompletableFuture<Decisions> answer) {
        if (removed) {
            return;
        }
        Decisions denial = denial(answer);
        rest = undecided.get(undecided.size() - 1).isFinalFragment() ? Rest.NONE : denial == null ? Rest.PASS : Rest.DROP;
        undecided.forEach(frame -> passOrDrop(context, frame, denial == null));
        undecided.clear();
        size = 0;
        deniedInARow = denial == null ? 0 : deniedInARow + 1;
        if (denial != null) {
            tell(context, denial);
        }
    }

    /** Without an answer there is none to obey: what stands before a store answers in its place, so this is a defect. */
    private static @Nullable Decisions denial(CompletableFuture<Decisions> answer) {
        try {
            Decisions made = answer.join();
            return made.allowed() ? null : made;
        } catch (RuntimeException e) {
            if (FAILED.compareAndSet(false, true)) {
                LOG.error("Messages could not be limited and pass. Further failures are not logged.", e);
            }
            return null;
        }
    }

    private static void passOrDrop(ChannelHandlerContext context, WebSocketFrame frame, boolean pass) {
        if (pass) {
            context.fireChannelRead(frame);
        } else {
            frame.release();
        }
    }

    /** A client that does not read what it is told is told no more. */
    private void tell(ChannelHandlerContext context, Decisions denial) {
        if (answers.closeAfter(deniedInARow)) {
            close(context, denial);
        } else if (answers.tellsErrors() && context.channel().isWritable()) {
            context.writeAndFlush(new TextWebSocketFrame(answers.error(denial)));
        }
    }

    /** The application learns of the end as if the client had closed with the same reason. */
    private void close(ChannelHandlerContext context, Decisions denial) {
        WebSocketCloseStatus reason = answers.tooManyMessages(denial);
        ClosingHandshake.begin(context, reason);
        context.fireChannelRead(new CloseWebSocketFrame(reason));
        dropAll();
    }

    @Override
    public void read(ChannelHandlerContext context) {
        if (asking) {
            readHeldBack = true;
        } else {
            context.read();
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        removed = true;
        dropAll();
    }

    private void dropAll() {
        arrived.forEach(ReferenceCountUtil::release);
        arrived.clear();
        undecided.forEach(ReferenceCountUtil::release);
        undecided.clear();
    }
}
