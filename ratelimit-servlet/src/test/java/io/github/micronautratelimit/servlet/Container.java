package io.github.micronautratelimit.servlet;

import jakarta.servlet.Filter;
import jakarta.servlet.Servlet;

/** A servlet container that serves one application, with a context path, on loopback. */
interface Container {

    /** Where the application is mounted. */
    String CONTEXT = "/app";

    /** Starts it with a filter and a servlet for all requests. */
    void start(Filter filter, Servlet servlet, boolean async) throws Exception;

    int port();

    void stop() throws Exception;
}
