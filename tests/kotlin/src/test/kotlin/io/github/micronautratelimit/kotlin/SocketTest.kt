package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.annotation.RateLimit
import io.micronaut.runtime.server.EmbeddedServer
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import io.micronaut.websocket.WebSocketSession
import io.micronaut.websocket.annotation.OnMessage
import io.micronaut.websocket.annotation.ServerWebSocket
import jakarta.inject.Inject
import kotlinx.coroutines.delay
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.net.URI
import java.net.http.HttpClient
import java.net.http.WebSocket
import java.util.concurrent.CompletionStage
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit

/** Limits on a WebSocket with a suspending message method. */
@MicronautTest(rebuildContext = true)
class SocketTest {

    @Inject
    lateinit var server: EmbeddedServer

    @Test
    fun `messages to a suspending method are counted once and denied with an error`() {
        val received = LinkedBlockingQueue<String>()
        val socket = HttpClient.newHttpClient().newWebSocketBuilder()
            .buildAsync(URI("ws://localhost:${server.port}/socket"), Listener(received)).join()
        try {
            assertEquals(listOf("a", "b"), listOf("a", "b").map { answer(socket, received, it) })
            assertEquals(
                """{"error":"rate limit exceeded","policy":"EchoSocket.onMessage","retry-after":30}""",
                answer(socket, received, "c")
            )
        } finally {
            socket.abort()
        }
    }

    private fun answer(socket: WebSocket, received: LinkedBlockingQueue<String>, message: String): String? {
        socket.sendText(message, true).join()
        return received.poll(20, TimeUnit.SECONDS)
    }

    private class Listener(private val received: LinkedBlockingQueue<String>) : WebSocket.Listener {

        override fun onText(socket: WebSocket, data: CharSequence, last: Boolean): CompletionStage<*>? {
            received.add(data.toString())
            socket.request(1)
            return null
        }
    }
}

@ServerWebSocket("/socket")
open class EchoSocket {

    @OnMessage
    @RateLimit("2/min")
    open suspend fun onMessage(message: String, session: WebSocketSession) {
        delay(1)
        session.sendAsync(message)
    }
}
