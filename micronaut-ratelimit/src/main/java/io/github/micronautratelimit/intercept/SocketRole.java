package io.github.micronautratelimit.intercept;

import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.inject.ExecutableMethod;

/**
 * What a method is to the WebSocket whose {@code @ServerWebSocket} class it belongs to. The annotations go by their names:
 * a server without WebSockets does not have them.
 */
enum SocketRole {

    /** Nothing: the class is no WebSocket, or the method not called for one. */
    NONE,
    /** Called when a connection has opened. */
    OPEN,
    /** Called for each message. */
    MESSAGE,
    /** Called for what happens to a connection: its end, an error, a pong. */
    EVENT;

    private static final String PACKAGE = "io.micronaut.websocket.";
    private static final String SERVER = PACKAGE + "annotation.ServerWebSocket";
    private static final String PONG = PACKAGE + "WebSocketPongMessage";

    static SocketRole of(ExecutableMethod<?, ?> method) {
        if (!isServer(method)) {
            return NONE;
        }
        if (is(method, "OnMessage")) {
            for (Class<?> type : method.getArgumentTypes()) {
                if (type.getName().equals(PONG)) {
                    return EVENT;
                }
            }
            return MESSAGE;
        }
        return is(method, "OnOpen") ? OPEN : is(method, "OnClose") || is(method, "OnError") ? EVENT : NONE;
    }

    /** Whether a method belongs to a WebSocket of the server. */
    static boolean isServer(AnnotationMetadata element) {
        return element.hasStereotype(SERVER);
    }

    private static boolean is(ExecutableMethod<?, ?> method, String annotation) {
        return method.hasAnnotation(PACKAGE + "annotation." + annotation);
    }
}
