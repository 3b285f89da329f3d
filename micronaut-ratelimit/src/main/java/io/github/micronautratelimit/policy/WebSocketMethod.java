package io.github.micronautratelimit.policy;

import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.inject.ExecutableMethod;

/**
 * The role of a method in its {@code @ServerWebSocket} class. Compares annotations by name, because a server without
 * WebSockets does not have their classes.
 */
enum WebSocketMethod {

    /** No role: the class is not a WebSocket, or the method has no WebSocket annotation. */
    NONE,
    /** Called when a connection has opened. */
    OPEN,
    /** Called for each message. */
    MESSAGE,
    /** Called for a closed connection, an error or a pong. */
    EVENT;

    private static final String PACKAGE = "io.micronaut.websocket.";
    private static final String SERVER = PACKAGE + "annotation.ServerWebSocket";
    private static final String PONG = PACKAGE + "WebSocketPongMessage";

    static WebSocketMethod of(ExecutableMethod<?, ?> method) {
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

    /** Returns whether an element belongs to a WebSocket of the server. */
    static boolean isServer(AnnotationMetadata element) {
        return element.hasStereotype(SERVER);
    }

    private static boolean is(ExecutableMethod<?, ?> method, String annotation) {
        return method.hasAnnotation(PACKAGE + "annotation." + annotation);
    }
}
