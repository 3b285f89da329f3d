package io.github.micronautratelimit.http;

import io.micronaut.context.ApplicationContext;
import io.micronaut.http.client.HttpClient;
import io.micronaut.runtime.server.EmbeddedServer;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;

/** A server on a free port with the beans of one test, and a client for it. */
final class TestServer implements AutoCloseable {

    private final EmbeddedServer server;
    private final HttpClient client;

    private TestServer(EmbeddedServer server) {
        this.server = server;
        // Of the server alone: the URL of a servlet engine ends with the context path.
        this.client = context().createBean(HttpClient.class, server.getURI().resolve("/"));
    }

    static TestServer start(Class<?> test, Map<String, Object> properties) {
        Map<String, Object> all = new HashMap<>(properties);
        all.put("spec", test.getSimpleName());
        all.put("micronaut.server.port", -1);
        return new TestServer(ApplicationContext.run(EmbeddedServer.class, all, "test"));
    }

    ApplicationContext context() {
        return server.getApplicationContext();
    }

    URI uri(String path) {
        return server.getURI().resolve(path);
    }

    int port() {
        return server.getPort();
    }

    Calls calls() {
        return new Calls(client);
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
