package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimiter
import jakarta.inject.Singleton
import kotlinx.coroutines.future.await

/** Quotas of customers, for a page that shows them. */
@Singleton
class Quotas(private val limiter: RateLimiter) {

    // tag::usage[]
    private val plan = Policy.of("plan", "1000/month from 31 Europe/Berlin; 10/s")

    suspend fun usedThisMonth(customer: String): String {
        val month = limiter.async().usage(plan, customer).await()[0]
        return "${month.used()} of ${month.limit().permits()}, more from ${month.resetsAt()}"
    }
    // end::usage[]

    suspend fun call(customer: String): Boolean = limiter.async().tryAcquire(plan, customer).await().allowed()
}
