package io.github.micronautratelimit.kotlin

import io.github.micronautratelimit.RateLimitExceededException
import io.github.micronautratelimit.annotation.NoRateLimit
import io.github.micronautratelimit.annotation.RateLimit
import io.github.micronautratelimit.tck.VirtualClock
import io.micronaut.context.annotation.Property
import io.micronaut.context.annotation.Requires
import io.micronaut.http.HttpRequest
import io.micronaut.http.HttpResponse
import io.micronaut.http.annotation.Controller
import io.micronaut.http.annotation.Error
import io.micronaut.http.annotation.Get
import io.micronaut.http.annotation.QueryValue
import io.micronaut.http.client.HttpClient
import io.micronaut.http.client.annotation.Client
import io.micronaut.http.client.exceptions.HttpClientResponseException
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import jakarta.inject.Singleton
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flowOf
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.yield
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.time.Duration

/** Limits on classes: with helpers, internal and private functions, and default arguments. */
@MicronautTest(rebuildContext = true)
@Property(name = "spec", value = "ClassLimitTest")
class ClassLimitTest {

    @Inject
    @field:Client("/")
    lateinit var client: HttpClient

    @Inject
    lateinit var prices: Prices

    @Inject
    lateinit var clock: VirtualClock

    private fun statuses(path: String, times: Int) = List(times) {
        try {
            client.toBlocking().exchange<Any, String>(HttpRequest.GET(path), String::class.java).code()
        } catch (e: HttpClientResponseException) {
            e.code()
        }
    }

    @Test
    fun `a request to a route of a limited class is charged once`() {
        for (path in listOf("/helped", "/suspended", "/defaults", "/defaults?count=2&name=a", "/flow")) {
            assertEquals(listOf(200, 200, 200, 429), statuses("/shops$path", 4), path)
            clock.advance(Duration.ofHours(1))
        }
    }

    @Test
    fun `a handler of errors is not charged`() {
        assertEquals(listOf(400, 400, 400, 429), statuses("/shops/failing", 4))
    }

    @Test
    fun `a key reads the arguments of a suspending route and of a flow`() {
        for (path in listOf("/arguments/suspended", "/arguments/flow", "/arguments/value")) {
            assertEquals(listOf(200, 429), statuses("$path/a", 2), path)
            assertEquals(listOf(200, 429), statuses("$path/b", 2), path)
        }
    }

    @Test
    fun `open functions of a limited bean are charged, private and exempt ones are not`() {
        assertEquals("1 apple", prices.price())
        assertEquals("1 apple", prices.inner())
        assertEquals("1 apple", runBlocking { prices.suspended() })
        assertThrows<RateLimitExceededException> { prices.price() }
        assertThrows<RateLimitExceededException> { prices.inner() }
        assertThrows<RateLimitExceededException> { runBlocking { prices.suspended() } }
        assertEquals("1 apple", prices.exempt())
    }

    @Test
    fun `a call with default arguments is charged once`() {
        assertEquals("1 apple", prices.price())
        assertEquals("2 pears", prices.price(2))
        assertEquals("3 plums", prices.price(3, "plums"))
        assertThrows<RateLimitExceededException> { prices.price() }
    }

    @Controller("/shops")
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    open class Shops {

        @Get("/helped")
        open fun helped(): String = price() + inner() + secret()

        @Get("/suspended")
        open suspend fun suspended(): String {
            yield()
            return helper() + secret()
        }

        @Get("/defaults")
        open fun defaults(@QueryValue(defaultValue = "1") count: Int = 1, @QueryValue name: String? = null): String =
            "$count $name"

        @Get("/flow")
        open fun flow(): Flow<String> = flowOf(price(), inner())

        @Get("/failing")
        open fun failing(): String = throw IllegalStateException("failed")

        @Error
        open fun handle(e: IllegalStateException): HttpResponse<String> = HttpResponse.badRequest(e.message)

        open fun price() = "public"

        internal open fun inner() = "internal"

        open suspend fun helper(): String {
            yield()
            return "suspended"
        }

        private fun secret() = "private"
    }

    @Controller("/arguments")
    @Requires(property = "spec", value = "ClassLimitTest")
    open class Arguments {

        @Get("/value/{name}")
        @RateLimit(value = "1/h", key = "#{ name }")
        open fun value(name: String): String = name

        @Get("/suspended/{name}")
        @RateLimit(value = "1/h", key = "#{ name }")
        open suspend fun suspended(name: String): String {
            yield()
            return name
        }

        @Get("/flow/{name}")
        @RateLimit(value = "1/h", key = "#{ name }")
        open fun flow(name: String): Flow<String> = flowOf(name, name)
    }

    @Singleton
    @RateLimit("3/h")
    @Requires(property = "spec", value = "ClassLimitTest")
    open class Prices {

        open fun price(count: Int = 1, name: String = if (count == 1) "apple" else "pears"): String =
            "$count ${text(name)}"

        internal open fun inner(): String = "1 " + text("apple")

        open suspend fun suspended(): String {
            yield()
            return "1 " + text("apple")
        }

        @NoRateLimit
        open fun exempt(): String = "1 " + text("apple")

        private fun text(name: String) = name
    }
}
