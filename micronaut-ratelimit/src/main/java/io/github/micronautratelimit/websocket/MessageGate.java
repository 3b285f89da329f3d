package io.github.micronautratelimit.websocket;

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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes the allowed messages of one connection to the application and drops the others.
 *
 * <p><i>When a message is decided.</i> When its first frame arrives. If its cost depends on its size, when it is
 * complete or larger than any limit can ever grant. The decision covers all its frames. Pings, pongs and close frames
 * pass.
 *
 * <p><i>Size.</i> A message that waits for its last frame may have as many bytes as the {@code maxPayloadLength} of its
 * method, which the framework applies to single frames. Its empty frames are dropped, and the number of the others is
 * bounded too. The connection of a larger message is closed with 1009, without a decision.
 *
 * <p><i>While the store decides.</i> Later frames wait in order, and nothing is read from the connection. This slows
 * the client down and blocks no thread. All methods run on the event loop of the connection.
 */
final class MessageGate extends ChannelDuplexHandler {

    private static final Logger LOG = LoggerFactory.getLogger(MessageGate.class);
    private static final AtomicBoolean FAILED = new AtomicBoolean();
    /** Bounds the memory of frames, each of which takes some hundred bytes in addition to its content. */
    private static final int FRAMES = 1024;

    private static final int BYTES_PER_FURTHER_FRAME = 1024;

    private final MessageLimiter limiter;
    private final MessageLimits limits;
    private final WebSocketDenials denials;
    private final long maxBytes;
    private final long maxFrames;

    /** Received frames that are not processed yet. */
    private final Queue<WebSocketFrame> received = new ArrayDeque<>();
    /** The frames of the message that is not decided yet. */
    private final List<WebSocketFrame> undecided = new ArrayList<>(1);
    /** The size of the undecided frames in bytes. */
    private long size;

    private Rest rest = Rest.NONE;
    private boolean deciding;
    private boolean readDeferred;
    private boolean removed;
    private int deniedInARow;

    /** The treatment of further frames of a message that is decided but not complete. */
    private enum Rest {
        NONE,
        PASS,
        DROP
    }

    /**
     * Creates the gate of a connection.
     *
     * @param maxBytes the largest message whose cost depends on its size
     */
    MessageGate(MessageLimiter limiter, MessageLimits limits, WebSocketDenials denials, long maxBytes) {
        this.limiter = limiter;
        this.limits = limits;
        this.denials = denials;
        this.maxBytes = maxBytes;
        this.maxFrames = FRAMES + maxBytes / BYTES_PER_FURTHER_FRAME;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof WebSocketFrame frame) {
            received.add(frame);
            processReceived(context);
        } else {
            context.fireChannelRead(message);
        }
    }

    private void processReceived(ChannelHandlerContext context) {
        while (!deciding && !received.isEmpty()) {
            process(context, received.remove());
        }
        if (!deciding && readDeferred) {
            readDeferred = false;
            context.read();
        }
    }

    private void process(ChannelHandlerContext context, WebSocketFrame frame) {
        if (!isOfMessage(frame)) {
            context.fireChannelRead(frame);
        } else if (rest == Rest.NONE) {
            if (isEmptyPart(frame)) {
                frame.release();
                return;
            }
            undecided.add(frame);
            size += frame.content().readableBytes();
            if (limits.dependOnSize() && (size > maxBytes || undecided.size() > maxFrames)) {
                close(context, WebSocketDenials.MESSAGE_TOO_BIG);
            } else if (frame.isFinalFragment() || !limits.dependOnSize() || limits.neverGrant(size)) {
                decide(context);
            }
        } else {
            boolean last = frame.isFinalFragment();
            passOrDrop(context, frame, rest == Rest.PASS);
            rest = last ? Rest.NONE : rest;
        }
    }

    /** Returns whether a frame says nothing: it neither begins nor ends a message and has no content. */
    private static boolean isEmptyPart(WebSocketFrame frame) {
        return frame instanceof ContinuationWebSocketFrame
                && !frame.isFinalFragment()
                && !frame.content().isReadable();
    }

    private static boolean isOfMessage(WebSocketFrame frame) {
        return frame instanceof TextWebSocketFrame
                || frame instanceof BinaryWebSocketFrame
                || frame instanceof ContinuationWebSocketFrame;
    }

    private void decide(ChannelHandlerContext context) {
        CompletableFuture<Decisions> decisions = limiter.tryAcquire(limits, size);
        if (decisions.isDone()) {
            apply(context, decisions);
            return;
        }
        deciding = true;
        decisions.whenComplete((made, failure) -> context.executor().execute(() -> {
            deciding = false;
            apply(context, decisions);
            processReceived(context);
        }));
    }

    private void apply(ChannelHandlerContext context, CompletableFuture<Decisions> decisions) {
        if (removed) {
            return;
        }
        Decisions denial = denial(decisions);
        boolean complete = undecided.get(undecided.size() - 1).isFinalFragment();
        rest = complete ? Rest.NONE : denial == null ? Rest.PASS : Rest.DROP;
        undecided.forEach(frame -> passOrDrop(context, frame, denial == null));
        undecided.clear();
        size = 0;
        deniedInARow = denial == null ? 0 : deniedInARow + 1;
        if (denial != null) {
            respond(context, denial);
        }
    }

    /**
     * Returns {@code null} if the message passes. A failed stage is a defect, because on-error handles store failures.
     */
    private static @Nullable Decisions denial(CompletableFuture<Decisions> decisions) {
        try {
            Decisions made = decisions.join();
            return made.allowed() ? null : made;
        } catch (RuntimeException e) {
            if (FAILED.compareAndSet(false, true)) {
                LOG.error(
                        "A limit on WebSocket messages failed, so messages pass. Further failures are not logged.", e);
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

    /** Sends no error to a client that does not read, so that errors do not fill the memory. */
    private void respond(ChannelHandlerContext context, Decisions denial) {
        if (denials.closesAfter(deniedInARow)) {
            close(context, denials.closeStatusOfMessage(denial));
        } else if (denials.sendsErrors() && context.channel().isWritable()) {
            context.writeAndFlush(new TextWebSocketFrame(denials.errorText(denial)));
        }
    }

    /** Closes the connection. For the application, the client has closed it with the same code and reason. */
    private void close(ChannelHandlerContext context, WebSocketCloseStatus reason) {
        ClosingHandshake.start(context, reason);
        context.fireChannelRead(new CloseWebSocketFrame(reason));
        releaseAll();
    }

    @Override
    public void read(ChannelHandlerContext context) {
        if (deciding) {
            readDeferred = true;
        } else {
            context.read();
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        removed = true;
        releaseAll();
    }

    private void releaseAll() {
        received.forEach(ReferenceCountUtil::release);
        received.clear();
        undecided.forEach(ReferenceCountUtil::release);
        undecided.clear();
        size = 0;
    }
}
