package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.RateLimiter
import io.github.micronautratelimit.tck.VirtualClock
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout

/** Coroutines that wait in turn. The clock of the limits moves only when the test moves it. */
@MicronautTest(startApplication = false)
@Timeout(60)
class WaitingTest {

    @Inject
    lateinit var calls: PartnerCalls

    @Inject
    lateinit var limiter: RateLimiter

    @Inject
    lateinit var clock: VirtualClock

    @Test
    fun `a coroutine waits for a permit and leaves the queue when it is cancelled`() = runBlocking {
        assertEquals("called", calls.call())
        val cancelled = async { calls.call() }
        waiting(1)
        val second = async { calls.call() }
        waiting(2)
        cancelled.cancel()
        waiting(1)
        clock.advance(100_000)
        assertEquals("called", second.await())
    }

    @Test
    fun `a suspending function with a limit waits too`() = runBlocking {
        assertEquals("called", calls.annotated())
        val second = async { calls.annotated() }
        waiting(1)
        clock.advance(100_000)
        assertEquals("called", second.await())
    }

    private suspend fun waiting(callers: Long) {
        while (limiter.stats().waiting() != callers) {
            delay(5)
        }
    }
}
