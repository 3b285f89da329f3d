package io.github.micronautratelimit.http;

import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.http.MutableHttpHeaders;
import jakarta.inject.Singleton;
import java.util.function.BiConsumer;

/** Sets response headers. */
@Singleton
@RequiresRateLimit
class HeaderWriter {

    /** Returns a setter of headers by name and value. */
    BiConsumer<String, String> to(MutableHttpHeaders headers) {
        return headers::set;
    }
}
