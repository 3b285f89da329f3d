package io.github.micronautratelimit.key;

import io.micronaut.http.HttpRequest;
import org.jspecify.annotations.Nullable;

/** Reads what a gateway says about the client of a function, which has no connection to it. */
interface FunctionEvents {

    /** Returns the address of the client, or {@code null} if the request is not an event of a gateway. */
    @Nullable
    String address(HttpRequest<?> request);

    /** Returns the API key that the gateway has verified, or {@code null}. */
    @Nullable
    String apiKey(HttpRequest<?> request);
}
