package io.github.micronautratelimit.kotlin

import io.micronaut.http.HttpHeaders
import io.micronaut.http.HttpRequest
import io.micronaut.http.HttpResponse
import io.micronaut.http.client.HttpClient
import io.micronaut.http.client.annotation.Client
import io.micronaut.http.client.exceptions.HttpClientResponseException
import jakarta.inject.Inject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

/** Limits on suspending routes, with any backend. */
abstract class RouteTest {

    @Inject
    @field:Client("/greetings")
    lateinit var client: HttpClient

    @Test
    fun `a suspending route is counted once and denied with 429`() {
        assertEquals(listOf("200 Hello!", "200 Hello!", "429 retry 30", "429 retry 30"), gets(4, "/value"))
    }

    @Test
    fun `a suspending route without a body is counted once`() {
        assertEquals(listOf("204", "204", "429 retry 30"), List(3) { answer(HttpRequest.POST("/unit", "")) })
    }

    @Test
    fun `a suspending route that makes its own response is counted once`() {
        assertEquals(listOf("200 Hello!", "200 Hello!", "429 retry 30"), gets(3, "/response"))
    }

    @Test
    fun `a route that returns a flow is counted once`() {
        assertEquals(listOf("200 [Hello,!]", "200 [Hello,!]", "429 retry 30"), gets(3, "/flow"))
    }

    @Test
    fun `a suspending route settles its estimate`() {
        assertEquals(listOf("200 Hello!", "200 Hello!", "429 retry 12"), gets(3, "/settled"), "8 each, and then 2")
    }

    @Test
    fun `a denied function that a suspending route calls results in 429`() {
        assertEquals(listOf("200 Hello, bean!", "200 Hello, bean!", "429 retry 30"), gets(3, "/bean"))
    }

    @Test
    fun `a function called by a suspending route still knows the request`() {
        assertEquals(listOf("200 Hello, tenant!", "429 retry 60"), gets(2, "/tenant", "a"))
        assertEquals(listOf("200 Hello, tenant!", "429 retry 60"), gets(2, "/tenant", "b"))
    }

    private fun gets(times: Int, path: String, tenant: String = "-") =
        List(times) { answer(HttpRequest.GET<Any>(path).header("X-Tenant", tenant).header("X-Estimate", "8")) }

    private fun answer(request: HttpRequest<*>): String =
        try {
            val response: HttpResponse<String> = client.toBlocking().exchange(request, String::class.java)
            listOfNotNull(response.code(), response.body()).joinToString(" ")
        } catch (e: HttpClientResponseException) {
            "${e.status.code} retry ${e.response.header(HttpHeaders.RETRY_AFTER)}"
        }
}
