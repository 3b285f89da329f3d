package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.RateLimitExceededException
import io.github.micronautratelimit.tck.VirtualClock
import jakarta.inject.Inject
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.time.Duration

/** Limits on suspending functions and flows, with any backend. */
abstract class SuspendingTest {

    @Inject
    lateinit var greeter: Greeter

    @Inject
    lateinit var clock: VirtualClock

    @Test
    fun `a call beyond the limit throws and does not reach the function`() {
        assertEquals("Hello, a!", runBlocking { greeter.greet("a") })
        assertEquals("Hello, b!", runBlocking { greeter.greet("b") })

        val denied = assertThrows<RateLimitExceededException> { runBlocking { greeter.greet("c") } }

        assertEquals(30_000_000, denied.decisions().retryAfterMicros())
        assertEquals(listOf("greet a", "greet b"), greeter.reached)
    }

    @Test
    fun `a denied call passes after the time to wait`() {
        runBlocking {
            greeter.greet("a")
            greeter.greet("b")
            assertThrows<RateLimitExceededException> { greeter.greet("c") }

            clock.advance(Duration.ofSeconds(30))

            assertEquals("Hello, d!", greeter.greet("d"))
            assertThrows<RateLimitExceededException> { greeter.greet("e") }
        }
        assertEquals(listOf("greet a", "greet b", "greet d"), greeter.reached)
    }

    @Test
    fun `functions that return nothing are limited`() {
        runBlocking {
            assertEquals(Unit, greeter.note("a"))
            assertEquals(Unit, greeter.note("b"))
            assertThrows<RateLimitExceededException> { greeter.note("c") }
        }
        assertEquals(listOf("note a", "note b"), greeter.reached)
    }

    @Test
    fun `null is returned like other values`() {
        runBlocking {
            assertNull(greeter.find("a"))
            assertNull(greeter.find("b"))
            assertThrows<RateLimitExceededException> { greeter.find("c") }
        }
        assertEquals(listOf("find a", "find b"), greeter.reached)
    }

    @Test
    fun `an exception of the function is thrown and costs a permit`() {
        runBlocking {
            assertEquals("no a", assertThrows<IllegalStateException> { greeter.fail("a") }.message)
            assertEquals("no b", assertThrows<IllegalStateException> { greeter.fail("b") }.message)
            assertThrows<RateLimitExceededException> { greeter.fail("c") }
        }
        assertEquals(listOf("fail a", "fail b"), greeter.reached)
    }

    @Test
    fun `an expression over the arguments is the key`() {
        runBlocking {
            assertEquals("Hello, a!", greeter.greetOnce("a"))
            assertEquals("Hello, b!", greeter.greetOnce("b"))
            assertThrows<RateLimitExceededException> { greeter.greetOnce("a") }
        }
    }

    @Test
    fun `concurrent coroutines get exactly the permits of the limit`() {
        val outcomes = runBlocking {
            coroutineScope { (1..20).map { async { runCatching { greeter.greet("$it") } } }.awaitAll() }
        }

        assertEquals(2, outcomes.count { it.isSuccess })
        assertEquals(18, outcomes.count { it.exceptionOrNull() is RateLimitExceededException })
        assertEquals(2, greeter.reached.size)
    }

    @Test
    fun `each collection of a flow costs a permit`() {
        runBlocking {
            val letters = greeter.letters("ab")
            assertEquals(listOf("a", "b"), letters.toList())
            assertEquals(listOf("a", "b"), letters.toList())
            assertThrows<RateLimitExceededException> { letters.toList() }
        }
        assertEquals(listOf("letters ab", "letters ab"), greeter.reached)
    }
}
