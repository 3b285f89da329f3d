package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimiter
import io.github.micronautratelimit.annotation.RateLimit
import io.micronaut.context.annotation.Property
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import jakarta.inject.Singleton
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import reactor.core.publisher.Mono

@Singleton
open class Probe(private val limiter: RateLimiter) {
    @RateLimit("9/min") open suspend fun suspending(): String = Thread.currentThread().name
    @RateLimit("9/min") open fun mono(): Mono<String> = Mono.fromCallable { Thread.currentThread().name }
    @RateLimit("9/min") open suspend fun callsTheStore(): Long =
        limiter.peek(Policy.of("other", "7/min"), "k", 0).remaining()
}

@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "late")
@Property(name = "ratelimit.deadline", value = "2s")
class ThreadTest {
    @Inject lateinit var probe: Probe

    @Test fun suspending() = runBlocking { assertNotEquals("late-backend", probe.suspending()) }
    @Test fun mono() = assertNotEquals("late-backend", probe.mono().block())
    @Test fun blockingInside() {
        val start = System.nanoTime()
        runBlocking { probe.callsTheStore() }
        assertTrue(System.nanoTime() - start < 1_000_000_000) { "The thread of the store waited for the store." }
    }
}
