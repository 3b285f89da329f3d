package io.github.micronautratelimit.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2ConnectionAdapter;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.codec.http2.HttpConversionUtil;
import io.netty.util.AttributeKey;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Callbacks for the end of single streams of an HTTP/2 connection: their response is sent, either side has reset them,
 * or the connection is closed. The framework does not report a stream whose client has reset it.
 *
 * <p>A GOAWAY frame of the client ends all streams, because the framework writes no response to them any more.
 *
 * <p>There is one listener per connection, because a connection must not remove a listener while it calls them. All
 * methods but {@link #add} run on the event loop.
 */
final class StreamCallbacks extends Http2ConnectionAdapter {

    private static final AttributeKey<StreamCallbacks> KEY = AttributeKey.valueOf(StreamCallbacks.class.getName());
    /** The stream of a request that has changed the protocol from HTTP/1.1 (RFC 9113, 3.1). */
    private static final int UPGRADE_STREAM = 1;

    private final IntObjectMap<List<Runnable>> callbacks = new IntObjectHashMap<>();
    private boolean goneAway;

    private StreamCallbacks() {}

    /**
     * Adds a callback for the end of the stream of a request. It runs at once if the stream has ended. May be called on
     * any thread.
     *
     * @param context  the context of the handler of the connection
     * @param handler  the handler of the connection
     * @param request  the request
     * @param callback does not block and does not throw
     */
    static void add(
            ChannelHandlerContext context, Http2ConnectionHandler handler, HttpRequest request, Runnable callback) {
        if (!context.executor().inEventLoop()) {
            context.executor().execute(() -> add(context, handler, request, callback));
            return;
        }
        Http2Stream stream = stream(handler.connection(), request);
        StreamCallbacks of = of(context.channel(), handler.connection());
        if (stream == null || stream.state() == Http2Stream.State.CLOSED || of.goneAway) {
            callback.run();
        } else {
            of.callbacks.computeIfAbsent(stream.id(), id -> new ArrayList<>(2)).add(callback);
        }
    }

    /**
     * Returns the stream of a request, or {@code null} if it is closed. The framework sets a header with its number,
     * except for a request that has changed the protocol, whose header is the client's. Only that request, and those
     * that the server pushes, are complete messages.
     */
    private static @Nullable Http2Stream stream(Http2Connection connection, HttpRequest request) {
        int id = request.headers().getInt(HttpConversionUtil.ExtensionHeaderNames.STREAM_ID.text(), UPGRADE_STREAM);
        Http2Stream stream = connection.stream(id);
        return request instanceof FullHttpRequest
                        && !(stream != null && connection.local().isValidStreamId(id))
                ? connection.stream(UPGRADE_STREAM)
                : stream;
    }

    private static StreamCallbacks of(Channel channel, Http2Connection connection) {
        StreamCallbacks known = channel.attr(KEY).get();
        if (known != null) {
            return known;
        }
        StreamCallbacks created = new StreamCallbacks();
        created.goneAway = connection.goAwayReceived();
        connection.addListener(created);
        channel.attr(KEY).set(created);
        return created;
    }

    @Override
    public void onStreamClosed(Http2Stream stream) {
        List<Runnable> ended = callbacks.remove(stream.id());
        if (ended != null) {
            ended.forEach(Runnable::run);
        }
    }

    @Override
    public void onGoAwayReceived(int lastStreamId, long errorCode, ByteBuf debugData) {
        goneAway = true;
        List<List<Runnable>> all = new ArrayList<>(callbacks.values());
        callbacks.clear();
        all.forEach(ended -> ended.forEach(Runnable::run));
    }
}
