package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class HttpDateTest {

    private final AtomicReference<Instant> now = new AtomicReference<>(Instant.parse("1994-11-06T08:49:37Z"));
    private final HttpDate date = new HttpDate(now::get);

    /** The example of RFC 9110, 5.6.7: the day has two digits. */
    @Test
    void dateIsThatOfTheStandard() {
        assertEquals("Sun, 06 Nov 1994 08:49:37 GMT", date.now());
    }

    @Test
    void dateIsFormattedOncePerSecond() {
        String first = date.now();
        now.set(now.get().plusMillis(999));
        assertSame(first, date.now());
        now.set(now.get().plusMillis(1));
        assertEquals("Sun, 06 Nov 1994 08:49:38 GMT", date.now());
        now.set(Instant.parse("1994-11-06T08:49:37.5Z"));
        assertEquals("Sun, 06 Nov 1994 08:49:37 GMT", date.now());
    }
}
