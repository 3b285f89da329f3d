package io.github.micronautratelimit.kotlin

// tag::client[]
import io.github.micronautratelimit.RateLimitExceededException
import io.micronaut.http.annotation.Get
import io.micronaut.http.client.annotation.Client
import jakarta.inject.Singleton

@Client("partner")
interface PartnerClient {

    @Get("/orders")
    suspend fun orders(): String
}

@Singleton
class PartnerOrders(private val partner: PartnerClient) {

    suspend fun orders(): String =
        try {
            partner.orders()
        } catch (e: RateLimitExceededException) {
            "try again in ${e.retryAfter().map { it.toSeconds() }.orElse(0)} s"
        }
}
// end::client[]
