package io.github.micronautratelimit.kotlin

import io.micronaut.context.annotation.Property
import io.micronaut.http.client.HttpClient
import io.micronaut.http.client.annotation.Client
import io.micronaut.http.client.exceptions.HttpClientResponseException
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

@MicronautTest
@Property(name = "spec", value = "ReadmeTest")
@Property(name = "ratelimit.backend", value = "memory")
class ReadmeTest {

    @Inject
    @field:Client("/")
    lateinit var client: HttpClient

    @Test
    fun `the example allows 100 requests`() {
        repeat(100) { client.toBlocking().retrieve("/orders") }
        val denied = assertThrows(HttpClientResponseException::class.java) { client.toBlocking().retrieve("/orders") }
        assertEquals(429, denied.status.code)
    }
}
