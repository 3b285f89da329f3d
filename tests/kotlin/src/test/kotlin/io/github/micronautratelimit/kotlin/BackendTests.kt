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
        assertEquals(1, backend.asked.get())
    }
}
