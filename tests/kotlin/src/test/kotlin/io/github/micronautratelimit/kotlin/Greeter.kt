package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.annotation.RateLimit
import jakarta.inject.Singleton
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.yield
import java.util.concurrent.CopyOnWriteArrayList

/** Limited suspending functions, and a list of the calls that reached them. */
@Singleton
open class Greeter {

    val reached = CopyOnWriteArrayList<String>()

    @RateLimit("2/min")
    open suspend fun greet(name: String): String {
        reached += "greet $name"
        yield()
        return "Hello, $name!"
    }

    @RateLimit("2/min")
    open suspend fun note(name: String) {
        yield()
        reached += "note $name"
    }

    @RateLimit("2/min")
    open suspend fun find(name: String): String? {
        yield()
        reached += "find $name"
        return null
    }

    @RateLimit("2/min")
    open suspend fun fail(name: String): String {
        yield()
        reached += "fail $name"
        throw IllegalStateException("no $name")
    }

    @RateLimit(value = "1/min", key = "#{ name }")
    open suspend fun greetOnce(name: String): String {
        yield()
        return "Hello, $name!"
    }

    @RateLimit("2/min")
    open fun letters(name: String): Flow<String> {
        reached += "letters $name"
        return flowOf(*name.map { it.toString() }.toTypedArray())
    }

    @RateLimit(value = "1/min", key = "{header:X-Tenant}")
    open suspend fun greetTenant(name: String): String {
        yield()
        return "Hello, $name!"
    }
}
