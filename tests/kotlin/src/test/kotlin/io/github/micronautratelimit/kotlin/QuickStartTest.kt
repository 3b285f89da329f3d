package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.RateLimitExceededException
import io.micronaut.context.annotation.Property
import io.micronaut.http.client.HttpClient
import io.micronaut.http.client.annotation.Client
import io.micronaut.http.client.exceptions.HttpClientResponseException
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

/** Runs the Kotlin code of the quick start. */
@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "memory")
class QuickStartTest {

    @Inject
    @field:Client("/")
    lateinit var client: HttpClient

    @Test
    fun `the sixth request of a minute is denied`() {
        repeat(5) { assertEquals("Hello!", client.toBlocking().retrieve("/hello")) }
        val denied = assertThrows(HttpClientResponseException::class.java) { client.toBlocking().retrieve("/hello") }
        assertEquals(429, denied.status.code)
        assertEquals("12", denied.response.header("Retry-After"))
    }

    @Test
    fun `a transfer costs its amount`(transfers: Transfers) {
        assertEquals("done", transfers.transfer("a", 60))
        assertThrows(RateLimitExceededException::class.java) { transfers.transfer("a", 41) }
        assertEquals("done", transfers.transfer("b", 100))
    }

    @Test
    fun `the third mail of a day waits`(mails: Mails) {
        assertEquals(listOf("sent", "sent", "again in 12 h"), List(3) { mails.send("alice") })
    }
}
