package io.github.micronautratelimit.kotlin

import io.micronaut.context.annotation.Property
import io.micronaut.test.extensions.junit5.annotation.MicronautTest
import jakarta.inject.Inject
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "memory")
class SuspendingOnMemoryTest : SuspendingTest()

@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "late")
@Property(name = "ratelimit.deadline", value = "30s")
class SuspendingOnLateBackendTest : SuspendingTest() {

    @Inject
    lateinit var backend: LateBackend

    @Test
    fun `the late backend decides`() {
        runBlocking { greeter.greet("a") }
        assertEquals(1, backend.requests.get())
    }
}

@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "memory")
class RouteOnMemoryTest : RouteTest()

@MicronautTest(rebuildContext = true)
@Property(name = "ratelimit.backend", value = "late")
@Property(name = "ratelimit.deadline", value = "30s")
class RouteOnLateBackendTest : RouteTest() {

    @Inject
    lateinit var backend: LateBackend

    @Test
    fun `the late backend decides once per call`() {
        client.toBlocking().retrieve("/value")
        assertEquals(1, backend.requests.get())
    }
}
