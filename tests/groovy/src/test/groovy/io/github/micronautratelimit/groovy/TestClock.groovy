package io.github.micronautratelimit.groovy

import io.github.micronautratelimit.MicroClock
import io.github.micronautratelimit.tck.VirtualClock
import io.micronaut.context.annotation.Factory
import io.micronaut.context.annotation.Replaces
import jakarta.inject.Singleton

import java.time.Instant

/** Replaces the clock with one that tests move. */
@Factory
class TestClock {

    @Singleton
    @Replaces(MicroClock)
    VirtualClock clock() {
        VirtualClock.at(Instant.parse('2026-11-22T08:00:00Z'))
    }
}
