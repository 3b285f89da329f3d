package io.github.micronautratelimit.examples.distributed;

import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A client that asks instances in turn. One that refuses the connection has not got the request, so the next is asked. A
 * connection that breaks after that says nothing: the request may have been charged. Then nobody is asked again, and the
 * request is {@link Outcome#LOST}. (They are POSTs because {@link HttpClient} sends a GET twice by itself.)
 */
final class RoundRobin {

    /** What becomes of a request. */
    enum Outcome {
        /** Let through, and charged in the store. */
        PASSED,
        /** 429. */
        DENIED,
        /** Sent, and never answered. */
        LOST
    }

    private static final Set<String> CHARGED = Set.of("STORE", "LEASE");
    private static final Duration PATIENCE = Duration.ofSeconds(120);

    private final List<Instance> instances;
    private final String apiKey;
    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();

    /** A client with an API key, of these instances, dead ones among them. */
    RoundRobin(List<Instance> instances, String apiKey) {
        this.instances = List.copyOf(instances);
        this.apiKey = apiKey;
    }

    /** Makes so many requests, of which so many at a time are under way, and waits until each has ended. */
    List<Outcome> ask(int requests, int atOnce) {
        ExecutorService callers = Executors.newFixedThreadPool(atOnce);
        try {
            return Stream.generate(() -> callers.submit(this::askNext)).limit(requests).toList().stream()
                    .map(RoundRobin::ended).toList();
        } finally {
            callers.shutdown();
        }
    }

    /** Asks once, and tells whether the store let the request through. */
    boolean decidedByStore() {
        return isDecidedBy("STORE");
    }

    /** Asks once, and tells whether the instance let the request through by itself. */
    boolean decidedWithoutStore() {
        return isDecidedBy("FALLBACK");
    }

    private boolean isDecidedBy(String source) {
        try {
            return send(instances.get(0)).body().equals(source);
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** How many requests have ended so far. */
    int ended() {
        return ended.get();
    }

    private static Outcome ended(Future<Outcome> request) {
        try {
            return request.get();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private Outcome askNext() throws InterruptedException {
        try {
            return askFrom(next.getAndIncrement(), instances.size());
        } finally {
            ended.incrementAndGet();
        }
    }

    private Outcome askFrom(int place, int tries) throws InterruptedException {
        Instance instance = instances.get(Math.floorMod(place, instances.size()));
        try {
            HttpResponse<String> answer = send(instance);
            return outcome(answer.statusCode(), answer.body());
        } catch (ConnectException e) {
            if (tries == 1) {
                throw new AssertionError("No instance is there.", e);
            }
            return askFrom(place + 1, tries - 1);
        } catch (IOException e) {
            return Outcome.LOST;
        }
    }

    private HttpResponse<String> send(Instance instance) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(instance.uri("/orders")).header("X-API-Key", apiKey)
                .POST(HttpRequest.BodyPublishers.noBody()).timeout(PATIENCE).build(), BodyHandlers.ofString());
    }

    private static Outcome outcome(int status, String body) {
        if (status == 429) {
            return Outcome.DENIED;
        }
        if (status == 200 && CHARGED.contains(body)) {
            return Outcome.PASSED;
        }
        throw new AssertionError("Not charged in the store: " + status + ": " + body);
    }

    /** How many of them ended so. */
    static int count(List<Outcome> outcomes, Outcome outcome) {
        return (int) outcomes.stream().filter(outcome::equals).count();
    }
}
