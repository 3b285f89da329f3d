package io.github.micronautratelimit.http;

import io.micronaut.http.HttpRequest;
import io.micronaut.http.HttpResponse;
import io.micronaut.http.MutableHttpRequest;
import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/** Sends requests and returns responses of any status. Headers are passed as name, value, name, value. */
public final class Calls {

    private final HttpClient client;

    public Calls(HttpClient client) {
        this.client = client;
    }

    public HttpResponse<?> get(String path, String... headers) {
        return exchange(with(HttpRequest.GET(path), headers));
    }

    /** Sends the path and query unchanged. */
    public HttpResponse<?> get(URI uri) {
        return exchange(HttpRequest.GET(uri));
    }

    public List<Integer> get(String path, int times, String... headers) {
        List<Integer> statuses = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            statuses.add(get(path, headers).code());
        }
        return statuses;
    }

    public int post(String path, String... headers) {
        return status(with(HttpRequest.POST(path, ""), headers));
    }

    public int status(HttpRequest<?> request) {
        return exchange(request).code();
    }

    public HttpResponse<?> exchange(HttpRequest<?> request) {
        try {
            return client.toBlocking().exchange(request, String.class);
        } catch (HttpClientResponseException e) {
            return e.getResponse();
        }
    }

    private static MutableHttpRequest<?> with(MutableHttpRequest<?> request, String... headers) {
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return request;
    }
}
