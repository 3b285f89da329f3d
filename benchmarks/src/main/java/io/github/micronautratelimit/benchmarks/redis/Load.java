package io.github.micronautratelimit.benchmarks.redis;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * A closed loop with a fixed number of callers. Each caller sends its next request as soon as it has an answer, on the
 * thread that delivered the answer. After the deadline no caller sends a request; the load ends with the last answer.
 */
final class Load {

    /** A bound on the wait for the last answer, for contenders whose callers starve. */
    private static final long ANSWERED_WITHIN_SECONDS = 60;

    /** The largest number of latencies of one run, which bounds the memory. */
    private static final int MOST = 2_000_000;

    private final Contender contender;
    private final Cell cell;
    private final List<String> keys;

    Load(Contender contender, Cell cell) {
        this.contender = contender;
        this.cell = cell;
        this.keys = cell.keys();
    }

    /** The sorted latencies of all decisions in nanoseconds, and the duration of the run. */
    record Run(long[] latencies, double seconds) {}

    /**
     * Visits every key once, so that no key is new in the measurement.
     *
     * @throws Exception if the contender fails
     */
    void visitAll() throws Exception {
        int atOnce = 64;
        for (int from = 0; from < keys.size(); from += atOnce) {
            CompletableFuture<?>[] visits = keys.subList(from, Math.min(keys.size(), from + atOnce)).stream()
                    .map(key -> contender.acquire(key).toCompletableFuture())
                    .toArray(CompletableFuture<?>[]::new);
            CompletableFuture.allOf(visits).get(ANSWERED_WITHIN_SECONDS, TimeUnit.SECONDS);
        }
    }

    /**
     * Runs the load for a time.
     *
     * @throws Exception if the contender fails or a decision has the wrong outcome
     */
    Run run(Duration duration) throws Exception {
        long start = System.nanoTime();
        long deadline = start + duration.toNanos();
        List<Caller> callers = IntStream.range(0, cell.inFlight())
                .mapToObj(i -> new Caller(i, deadline))
                .toList();
        callers.forEach(Caller::send);
        for (Caller caller : callers) {
            caller.finished.get(duration.toSeconds() + ANSWERED_WITHIN_SECONDS, TimeUnit.SECONDS);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        long[] latencies =
                callers.stream().flatMapToLong(Caller::latencies).sorted().toArray();
        return new Run(latencies, seconds);
    }

    /** One caller, which cycles through the keys. Its state passes from thread to thread with the answers. */
    private final class Caller {

        private final CompletableFuture<Void> finished = new CompletableFuture<>();
        private final long deadline;
        private long[] latencies = new long[1024];
        private int answers;
        private int next;

        Caller(int number, long deadline) {
            this.next = (int) ((long) keys.size() * number / cell.inFlight());
            this.deadline = deadline;
        }

        /** Sends requests in a loop while answers complete at once, as with prefetched permits. */
        void send() {
            long start = System.nanoTime();
            while (start < deadline && answers < MOST / cell.inFlight()) {
                String key = keys.get(next);
                next = next + 1 == keys.size() ? 0 : next + 1;
                CompletableFuture<Boolean> answer = contender.acquire(key).toCompletableFuture();
                if (!answer.isDone()) {
                    long sent = start;
                    answer.whenComplete((allowed, failure) -> {
                        if (accept(answer, sent)) {
                            send();
                        }
                    });
                    return;
                }
                if (!accept(answer, start)) {
                    return;
                }
                start = System.nanoTime();
            }
            finished.complete(null);
        }

        /** Records a complete answer and returns whether it has the expected outcome. */
        private boolean accept(CompletableFuture<Boolean> answer, long start) {
            try {
                if (answer.join() != (cell.outcome() == Outcome.ALLOWED)) {
                    throw new IllegalStateException(contender.name() + " returned a decision other than "
                            + cell.outcome() + " in " + cell + ".");
                }
                record(System.nanoTime() - start);
                return true;
            } catch (CompletionException | IllegalStateException e) {
                finished.completeExceptionally(e);
                return false;
            }
        }

        private void record(long nanos) {
            if (answers == latencies.length) {
                latencies = Arrays.copyOf(latencies, 2 * answers);
            }
            latencies[answers++] = nanos;
        }

        LongStream latencies() {
            return Arrays.stream(latencies, 0, answers);
        }
    }
}
