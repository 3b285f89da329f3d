package io.github.micronautratelimit.http;

import java.util.function.BiConsumer;

import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.http.MutableHttpHeaders;
import jakarta.inject.Singleton;

/** Sets headers whose names and values are our own. */
@Singleton
@RequiresRateLimit
class HeaderWriter {

    /** What sets headers by name and value. */
    BiConsumer<String, String> to(MutableHttpHeaders headers) {
        return headers::set;
    }
}
