package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.Decision
import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimiter
import io.github.micronautratelimit.annotation.RateLimit
import io.micronaut.http.MediaType
import io.micronaut.http.annotation.Controller
import io.micronaut.http.annotation.Get
import jakarta.inject.Singleton

// tag::hello[]
@Controller("/hello")
open class HelloController {

    @Get(produces = [MediaType.TEXT_PLAIN])
    @RateLimit("5/min")
    open fun hello(): String = "Hello!"
}
// end::hello[]

// tag::transfers[]
@Singleton
open class Transfers {

    @RateLimit(value = "100/min", key = "#{ account }", permits = "#{ amount } 1..100")
    open fun transfer(account: String, amount: Long): String = "done"
}
// end::transfers[]

// tag::mails[]
@Singleton
class Mails(private val limiter: RateLimiter) {

    private val mails = Policy.of("mails", "2/day")

    fun send(user: String): String =
        when (val decision = limiter.tryAcquire(mails, user)) {
            is Decision.Denied -> decision.retryAfter().map { "again in ${it.toHours()} h" }.orElse("never")
            else -> "sent"
        }
}
// end::mails[]
