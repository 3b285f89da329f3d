package io.github.micronautratelimit.kotlin

import com.sun.net.httpserver.HttpServer
import io.micronaut.context.ApplicationContext
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.net.InetAddress
import java.net.InetSocketAddress

/** Runs the client of the chapter on limited services. */
class PartnerClientTest {

    @Test
    fun `a suspending client is limited without a change of its code`() {
        val partner = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
        partner.createContext("/") { exchange ->
            exchange.responseHeaders.set("Content-Type", "text/plain")
            exchange.sendResponseHeaders(200, 2)
            exchange.responseBody.write("ok".toByteArray())
            exchange.close()
        }
        partner.start()
        val settings = mapOf(
            "micronaut.http.services.partner.url" to "http://127.0.0.1:${partner.address.port}",
            "ratelimit.clients.partner.limits" to "1/h",
        )
        ApplicationContext.run(settings).use { context ->
            val orders = context.getBean(PartnerOrders::class.java)
            runBlocking {
                assertEquals("ok", orders.orders())
                assertEquals("try again in 3600 s", orders.orders())
            }
        }
        partner.stop(0)
    }
}
