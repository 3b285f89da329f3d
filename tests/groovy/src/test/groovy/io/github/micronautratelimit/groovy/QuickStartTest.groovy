package io.github.micronautratelimit.groovy

import static org.junit.jupiter.api.Assertions.assertEquals
import static org.junit.jupiter.api.Assertions.assertThrows

import io.github.micronautratelimit.RateLimitExceededException
import io.micronaut.context.ApplicationContext
import io.micronaut.http.client.HttpClient
import io.micronaut.http.client.exceptions.HttpClientResponseException
import io.micronaut.runtime.server.EmbeddedServer
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test

/** Runs the Groovy code of the quick start. */
class QuickStartTest {

    private EmbeddedServer server
    private HttpClient client

    @BeforeEach
    void start() {
        server = ApplicationContext.run(EmbeddedServer, ['ratelimit.backend': 'memory'])
        client = server.applicationContext.createBean(HttpClient, server.URL)
    }

    @AfterEach
    void stop() {
        client.close()
        server.close()
    }

    @Test
    void theSixthRequestOfAMinuteIsDenied() {
        assertEquals(['Hello!'] * 5, (1..5).collect { client.toBlocking().retrieve('/hello') })
        HttpClientResponseException denied =
                assertThrows(HttpClientResponseException) { client.toBlocking().retrieve('/hello') }
        assertEquals(429, denied.status.code)
        assertEquals('12', denied.response.header('Retry-After'))
    }

    @Test
    void aTransferCostsItsAmount() {
        Transfers transfers = server.applicationContext.getBean(Transfers)
        assertEquals('done', transfers.transfer('a', 60))
        assertThrows(RateLimitExceededException) { transfers.transfer('a', 41) }
        assertEquals('done', transfers.transfer('b', 100))
    }

    @Test
    void theThirdMailOfADayWaits() {
        Mails mails = server.applicationContext.getBean(Mails)
        assertEquals(['sent', 'sent', 'again in 12 h'], (1..3).collect { mails.send('alice') })
    }
}
