package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.config.RequiresRateLimit;
import io.micronaut.http.HttpRequest;
import jakarta.inject.Singleton;

/**
 * What becomes of a request that is to open a WebSocket. Here, for servers that have none: nothing.
 */
@Singleton
@RequiresRateLimit
public class Upgrades {

    Upgrades() {
    }

    /**
     * Whether a request to a WebSocket's route is to open a connection.
     *
     * @param request the request
     * @return {@code false} for any other request
     */
    public boolean isUpgrade(HttpRequest<?> request) {
        return false;
    }

    /**
     * Begins to limit the messages of a connection that is about to open.
     *
     * @param request the request that opens it, which every limit has granted
     */
    public void granted(HttpRequest<?> request) {
    }

    /**
     * Prepares for the answer to a request that was denied.
     *
     * @param request the request
     * @param denial  what was decided
     */
    public void refused(HttpRequest<?> request, Decisions denial) {
    }

    /**
     * Undoes {@link #granted} for a connection that does not open after all.
     *
     * @param request the request
     */
    public void abandoned(HttpRequest<?> request) {
    }
}
