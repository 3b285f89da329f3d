package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.annotation.RateLimit
import io.micronaut.context.annotation.Requires
import io.micronaut.http.annotation.Controller
import io.micronaut.http.annotation.Get
import jakarta.inject.Singleton

data class Order(val id: String)

@Requires(property = "spec", value = "ReadmeTest")
@Singleton
open class OrderRepository {

    open suspend fun all(): List<Order> = emptyList()
}

/** The first Kotlin example of the README. */
@Requires(property = "spec", value = "ReadmeTest")
@Controller
open class Readme(private val repository: OrderRepository) {

    // tag::route[]
    @Get("/orders")
    @RateLimit("100/min")
    open suspend fun orders(): List<Order> = repository.all()
    // end::route[]
}
