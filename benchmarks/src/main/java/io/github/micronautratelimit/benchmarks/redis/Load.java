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
 * A closed loop: so many callers, each of which asks anew as soon as it has its answer, on the thread that brought it.
 * After the deadline nobody asks any more, and the load ends when all have their answers.
 */
final class Load {

    /** A bound for those whose callers starve. */
    private static final long ANSWERED_WITHIN_SECONDS = 60;

    /** A bound on what one run remembers, by memory. */
    private static final int MOST = 2_000_000;

    private final Contender contender;
    private final Cell cell;
    private final List<String> keys;

    Load(Contender contender, Cell cell) {
        this.contender = contender;
        this.cell = cell;
        this.keys = cell.keys();
    }

    /** The latency of every decision in nanoseconds, in order, and how long they took together. */
    record Run(long[] latencies, double seconds) {
    }

    /**
     * Visits every key once, so that none is new when it is measured.
     *
     * @throws Exception if the contender fails
     */
    void visitAll() throws Exception {
        int atOnce = 64;
        for (int from = 0; from < keys.size(); from += atOnce) {
            CompletableFuture<?>[] visits = keys.subList(from, Math.min(keys.size(), from + atOnce)).stream()
                    .map(key -> contender.acquire(key).toCompletableFuture()).toArray(CompletableFuture<?>[]::new);
            CompletableFuture.allOf(visits).get(ANSWERED_WITHIN_SECONDS, TimeUnit.SECONDS);
        }
    }

    /**
     * Asks for so long.
     *
     * @throws Exception if the contender fails, or decides otherwise than it should
     */
    Run run(Duration duration) throws Exception {
        long start = System.nanoTime();
        long deadline = start + duration.toNanos();
        List<Caller> callers = IntStream.range(0, cell.inFlight()).mapToObj(i -> new Caller(i, deadline)).toList();
        callers.forEach(Caller::ask);
        for (Caller caller : callers) {
            caller.finished.get(duration.toSeconds() + ANSWERED_WITHIN_SECONDS, TimeUnit.SECONDS);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        long[] latencies = callers.stream().flatMapToLong(Caller::latencies).sorted().toArray();
        return new Run(latencies, seconds);
    }

    /** One caller, on its way round the keys. What it remembers passes from thread to thread with the answers. */
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

        /** Goes on in a loop while answers are there at once, as those of a lease are. */
        void ask() {
            long start = System.nanoTime();
            while (start < deadline && answers < MOST / cell.inFlight()) {
                String key = keys.get(next);
                next = next + 1 == keys.size() ? 0 : next + 1;
                CompletableFuture<Boolean> answer = contender.acquire(key).toCompletableFuture();
                if (!answer.isDone()) {
                    long asked = start;
                    answer.whenComplete((allowed, failure) -> {
                        if (took(answer, asked)) {
                            ask();
                        }
                    });
                    return;
                }
                if (!took(answer, start)) {
                    return;
                }
                start = System.nanoTime();
            }
            finished.complete(null);
        }

        /** Whether an answer that is there is as it should be. */
        private boolean took(CompletableFuture<Boolean> answer, long start) {
            try {
                if (answer.join() != (cell.outcome() == Outcome.ALLOWED)) {
                    throw new IllegalStateException(
                            contender.name() + " should have " + cell.outcome() + " all in " + cell + ".");
                }
                answered(System.nanoTime() - start);
                return true;
            } catch (CompletionException | IllegalStateException e) {
                finished.completeExceptionally(e);
                return false;
            }
        }

        private void answered(long nanos) {
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
