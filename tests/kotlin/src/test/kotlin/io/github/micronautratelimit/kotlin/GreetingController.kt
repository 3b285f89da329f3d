package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.annotation.RateLimit
import io.github.micronautratelimit.http.RateLimitCharges
import io.micronaut.http.HttpResponse
import io.micronaut.http.HttpStatus
import io.micronaut.http.annotation.Controller
import io.micronaut.http.annotation.Get
import io.micronaut.http.annotation.Post
import io.micronaut.http.annotation.Status
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.yield

@Controller("/greetings")
open class GreetingController(private val greeter: Greeter) {

    @Get("/value")
    @RateLimit("2/min")
    open suspend fun value(): String {
        yield()
        return "Hello!"
    }

    @Post("/unit")
    @Status(HttpStatus.NO_CONTENT)
    @RateLimit("2/min")
    open suspend fun unit() {
        yield()
    }

    @Get("/response")
    @RateLimit("2/min")
    open suspend fun response(): HttpResponse<String> {
        yield()
        return HttpResponse.ok("Hello!")
    }

    @Get("/flow")
    @RateLimit("2/min")
    open fun flow(): Flow<String> = flowOf("Hello", "!")

    @Get("/settled")
    @RateLimit(value = "10/min", permits = "{header:X-Estimate} 1..8")
    open suspend fun settled(charges: RateLimitCharges): String {
        yield()
        charges.settle(2)
        return "Hello!"
    }

    @Get("/bean")
    suspend fun bean(): String {
        yield()
        return greeter.greet("bean")
    }

    @Get("/tenant")
    suspend fun tenant(): String {
        yield()
        return greeter.greetTenant("tenant")
    }
}
