package io.github.micronautratelimit.groovy

import io.github.micronautratelimit.Decision
import io.github.micronautratelimit.Policy
import io.github.micronautratelimit.RateLimiter
import io.github.micronautratelimit.annotation.RateLimit
import io.micronaut.http.MediaType
import io.micronaut.http.annotation.Controller
import io.micronaut.http.annotation.Get
import jakarta.inject.Singleton

// tag::hello[]
@Controller('/hello')
class HelloController {

    @Get(produces = MediaType.TEXT_PLAIN)
    @RateLimit('5/min')
    String hello() {
        'Hello!'
    }
}
// end::hello[]

// tag::transfers[]
@Singleton
class Transfers {

    @RateLimit(value = '100/min', key = '#{ account }', permits = '#{ amount } 1..100')
    String transfer(String account, long amount) {
        'done'
    }
}
// end::transfers[]

// tag::mails[]
@Singleton
class Mails {

    private static final Policy MAILS = Policy.of('mails', '2/day')

    private final RateLimiter limiter

    Mails(RateLimiter limiter) {
        this.limiter = limiter
    }

    String send(String user) {
        Decision decision = limiter.tryAcquire(MAILS, user)
        decision instanceof Decision.Denied
                ? decision.retryAfter().map { "again in ${it.toHours()} h".toString() }.orElse('never')
                : 'sent'
    }
}
// end::mails[]
