package io.github.micronautratelimit.kotlin

import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** The usage of a quota, read by a coroutine. */
@MicronautTest(startApplication = false)
class QuotasTest {

    @Inject
    lateinit var quotas: Quotas

    @Test
    fun `a coroutine reads the usage of a customer`() = runBlocking {
        assertTrue(quotas.call("acme"))
        assertTrue(quotas.call("acme"))
        assertEquals("2 of 1000, more from 2026-11-29T23:00:00Z", quotas.usedThisMonth("acme"))
    }
}
