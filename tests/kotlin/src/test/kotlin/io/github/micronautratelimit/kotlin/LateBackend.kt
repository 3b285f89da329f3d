package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.Decision
import io.github.micronautratelimit.MicroClock
import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimitBackend
import io.github.micronautratelimit.memory.MemoryBackend
import io.micronaut.context.annotation.Bean
import jakarta.inject.Named
import jakarta.inject.Singleton
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger

/** Decides like the memory backend, but answers two milliseconds later and on its own thread. */
@Singleton
@Named("late")
@Bean(preDestroy = "close")
class LateBackend(clock: MicroClock) : RateLimitBackend {

    private val memory = MemoryBackend(clock, 100)
    private val thread = Executors.newSingleThreadExecutor { Thread(it, "late-backend") }
    private val later = CompletableFuture.delayedExecutor(2, TimeUnit.MILLISECONDS, thread)

    /** Counts the requested decisions. */
    val requests = AtomicInteger()

    override fun acquire(policy: Policy, key: String, permits: Long): CompletionStage<Decision> {
        requests.incrementAndGet()
        return late { memory.acquire(policy, key, permits) }
    }

    override fun peek(policy: Policy, key: String, permits: Long): CompletionStage<Decision> =
        late { memory.peek(policy, key, permits) }

    override fun refund(policy: Policy, key: String, permits: Long, chargedAtMicros: Long): CompletionStage<Void> =
        late { memory.refund(policy, key, permits, chargedAtMicros) }

    override fun reset(policy: Policy, key: String): CompletionStage<Void> = late { memory.reset(policy, key) }

    override fun close() {
        thread.shutdown()
    }

    private fun <T> late(answer: () -> CompletableFuture<T>): CompletionStage<T> =
        CompletableFuture.runAsync({}, later).thenCompose { answer() }
}
