package io.github.micronautratelimit.http;

import io.github.micronautratelimit.Decisions;
import io.micronaut.core.annotation.Internal;
import io.micronaut.http.HttpRequest;

/**
 * Applies the decisions on a WebSocket upgrade to its connection. Implemented for servers with WebSockets; without an
 * implementation, upgrades are limited as any other request.
 */
@Internal
public interface UpgradeHandler {

    /**
     * Returns whether a request to the route of a WebSocket opens a connection.
     *
     * @param request the request
     * @return {@code false} for any other request
     */
    boolean isUpgrade(HttpRequest<?> request);

    /**
     * Starts to limit the messages of a connection that is about to open.
     *
     * @param request the upgrade, which every limit has allowed
     */
    void allowed(HttpRequest<?> request);

    /**
     * Prepares the response to an upgrade that was denied.
     *
     * @param request the upgrade
     * @param denial  the decisions
     */
    void denied(HttpRequest<?> request, Decisions denial);

    /**
     * Undoes {@link #allowed} for a connection that does not open after all.
     *
     * @param request the upgrade
     */
    void abandoned(HttpRequest<?> request);
}
