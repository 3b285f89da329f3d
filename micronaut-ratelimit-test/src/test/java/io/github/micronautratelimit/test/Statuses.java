package io.github.micronautratelimit.test;

import io.micronaut.http.client.HttpClient;
import io.micronaut.http.client.exceptions.HttpClientResponseException;
import java.util.List;
import java.util.stream.IntStream;

/** Sends requests one after the other. */
record Statuses(HttpClient client) {

    List<Integer> get(String path, int times) {
        return IntStream.range(0, times).mapToObj(i -> get(path)).toList();
    }

    private int get(String path) {
        try {
            return client.toBlocking().exchange(path).code();
        } catch (HttpClientResponseException e) {
            return e.code();
        }
    }
}
