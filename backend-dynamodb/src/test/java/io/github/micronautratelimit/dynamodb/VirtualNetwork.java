package io.github.micronautratelimit.dynamodb;

import java.util.PriorityQueue;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import software.amazon.awssdk.services.dynamodb.model.GetItemResponse;

/**
 * A network between callers and DynamoDB Local whose time only passes when nothing is left to do at an instant.
 * Requests overtake each other as their random delays say, so the conflicts do not depend on the machine. Counts the
 * requests.
 * One thread runs everything.
 */
final class VirtualNetwork extends InterceptedClient {

    /** Something that happens at an instant. Two of the same instant happen in the order in which they were planned. */
    private record Event(long at, long number, Runnable action) implements Comparable<Event> {

        @Override
        public int compareTo(Event other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(number, other.number);
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    private final Random random;
    private final int maxDelayMicros;
    private long now;
    private long planned;
    private long requests;
    private long reads;

    /**
     * Creates a network.
     *
     * @param maxDelayMicros a request, and a response, takes between a fifth of this and this
     */
    VirtualNetwork(long now, int maxDelayMicros, long seed) {
        super(CountingClient.STORE);
        this.now = now;
        this.maxDelayMicros = maxDelayMicros;
        this.random = new Random(seed);
    }

    long micros() {
        return now;
    }

    long requests() {
        return requests;
    }

    long reads() {
        return reads;
    }

    void after(long micros, Runnable action) {
        events.add(new Event(now + micros, planned++, action));
    }

    private long delay() {
        return maxDelayMicros / 5 + random.nextInt(maxDelayMicros * 4 / 5);
    }

    @Override
    <T> CompletableFuture<T> call(Supplier<T> request) {
        requests++;
        CompletableFuture<T> response = new CompletableFuture<>();
        after(delay(), () -> super.call(request)
                .whenComplete((value, failure) -> after(delay(), () -> {
                    if (value instanceof GetItemResponse) {
                        reads++;
                    }
                    if (failure == null) {
                        response.complete(value);
                    } else {
                        response.completeExceptionally(failure);
                    }
                })));
        return response;
    }

    /** Runs until nothing is left to do. */
    void run() {
        for (Event next = events.poll(); next != null; next = events.poll()) {
            now = next.at;
            next.action.run();
        }
    }
}
