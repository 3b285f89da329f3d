package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimiter
import io.github.micronautratelimit.annotation.RateLimit
import jakarta.inject.Singleton
import java.time.Duration
import kotlinx.coroutines.future.await

/** Calls of a service that allows 10 calls per second. */
@Singleton
open class PartnerCalls(private val limiter: RateLimiter) {

    // tag::acquire[]
    private val partner = Policy.of("partner", "10/s burst 1")

    suspend fun call(): String {
        val decision = limiter.async().acquire(partner, "partner", 1, Duration.ofSeconds(5)).await()
        return if (decision.allowed()) "called" else "too many callers"
    }
    // end::acquire[]

    // tag::annotation[]
    @RateLimit("10/s burst 1", maxWait = "5s")
    open suspend fun annotated(): String = "called"
    // end::annotation[]
}
