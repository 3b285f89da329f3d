package io.github.micronautratelimit.servlet;

import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;

/** A servlet container on loopback with one application. */
interface Container {

    /** The context path of the application. */
    String CONTEXT = "/app";

    /** Starts the container with a filter and a servlet for all requests, of HTTP/1.1 and of HTTP/2 in clear text. */
    void start(Filter filter, Servlet servlet, boolean async, String address) throws Exception;

    default void start(Filter filter, Servlet servlet, boolean async) throws Exception {
        start(filter, servlet, async, "127.0.0.1");
    }

    int port();

    void stop() throws Exception;
}
