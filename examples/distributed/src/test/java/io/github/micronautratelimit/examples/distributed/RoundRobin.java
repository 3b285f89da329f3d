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
 * A client that sends requests to instances in turn. If an instance refuses the connection, the client sends the
 * request to the next one. If a connection breaks later, the request may have been charged, so it is not sent again and
 * counts as {@link Outcome#LOST}. Requests are POSTs, because {@link HttpClient} may send a GET twice.
 */
final class RoundRobin {

    /** The result of a request. */
    enum Outcome {
        /** Allowed and charged in the store. */
        PASSED,
        /** Rejected with 429. */
        DENIED,
        /** Sent, without a response. */
        LOST
    }

    private static final Set<String> CHARGED = Set.of("STORE", "PREFETCHED");
    private static final Duration TIMEOUT = Duration.ofSeconds(120);

    private final List<Instance> instances;
    private final String apiKey;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();

    /** Creates a client with an API key. Some of the instances may be dead. */
    RoundRobin(List<Instance> instances, String apiKey) {
        this.instances = List.copyOf(instances);
        this.apiKey = apiKey;
    }

    /** Sends requests, a number of them concurrently, and waits until all have ended. */
    List<Outcome> send(int requests, int concurrency) {
        ExecutorService callers = Executors.newFixedThreadPool(concurrency);
        try {
            return Stream.generate(() -> callers.submit(this::sendNext)).limit(requests).toList().stream()
                    .map(RoundRobin::ended)
                    .toList();
        } finally {
            callers.shutdown();
        }
    }

    /** Sends one request and returns whether the store allowed it. */
    boolean decidedByStore() {
        return isDecidedBy("STORE");
    }

    /** Sends one request and returns whether on-error allowed it. */
    boolean decidedByFallback() {
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

    /** Returns the number of requests that have ended so far. */
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

    private Outcome sendNext() throws InterruptedException {
        try {
            return sendTo(next.getAndIncrement(), instances.size());
        } finally {
            ended.incrementAndGet();
        }
    }

    private Outcome sendTo(int index, int tries) throws InterruptedException {
        Instance instance = instances.get(Math.floorMod(index, instances.size()));
        try {
            HttpResponse<String> response = send(instance);
            return outcome(response.statusCode(), response.body());
        } catch (ConnectException e) {
            if (tries == 1) {
                throw new AssertionError("No instance accepts connections.", e);
            }
            return sendTo(index + 1, tries - 1);
        } catch (IOException e) {
            return Outcome.LOST;
        }
    }

    private HttpResponse<String> send(Instance instance) throws IOException, InterruptedException {
        return http.send(
                HttpRequest.newBuilder(instance.uri("/orders"))
                        .header("X-API-Key", apiKey)
                        .POST(HttpRequest.BodyPublishers.noBody())
                        .timeout(TIMEOUT)
                        .build(),
                BodyHandlers.ofString());
    }

    private static Outcome outcome(int status, String body) {
        if (status == 429) {
            return Outcome.DENIED;
        }
        if (status == 200 && CHARGED.contains(body)) {
            return Outcome.PASSED;
        }
        throw new AssertionError("The request was not charged in the store: " + status + ": " + body);
    }

    /** Returns the number of requests with an outcome. */
    static int count(List<Outcome> outcomes, Outcome outcome) {
        return (int) outcomes.stream().filter(outcome::equals).count();
    }
}
