package io.github.micronautratelimit.benchmarks.redis;

import java.time.Duration;

/**
 * The result of one measurement.
 *
 * @param perSecond        decisions per second
 * @param p50              the median latency, in microseconds
 * @param p99              the latency that 1 % exceed, in microseconds
 * @param trips            commands sent per decision
 * @param commandMicros    execution time in the server per decision, in microseconds
 * @param serverMicros     CPU time of the server's main thread per decision in microseconds, including reads and writes
 * @param serverCores      the busy part of that thread's time, 0 to 1
 * @param clientThreadCores the busy part of the time of the client's busiest thread, 0 to 1
 * @param clientCores      the number of cores that the client kept busy
 */
record Sample(
        double perSecond,
        double p50,
        double p99,
        double trips,
        double commandMicros,
        double serverMicros,
        double serverCores,
        double clientThreadCores,
        double clientCores) {

    /**
     * Measures on an emptied server, after a warm-up of a third of the time.
     *
     * @throws Exception if the contender fails
     */
    static Sample of(Contender contender, Cell cell, Server server, Duration duration) throws Exception {
        server.empty();
        contender.limit(cell.outcome(), cell.keys());
        Load load = new Load(contender, cell);
        load.visitAll();
        System.gc();
        load.run(duration.dividedBy(3));

        server.resetStatistics();
        double serverBefore = server.mainThreadSeconds();
        ClientCpu clientBefore = new ClientCpu();
        Load.Run run = load.run(duration);
        ClientCpu client = new ClientCpu();
        double serverSeconds = server.mainThreadSeconds() - serverBefore;
        CommandStats.Total sent = contender.sent(server.commandStats());
        contender.rest();

        int decisions = run.latencies().length;
        return new Sample(
                decisions / run.seconds(),
                percentile(run.latencies(), 50),
                percentile(run.latencies(), 99),
                sent.calls() / decisions,
                sent.micros() / decisions,
                serverSeconds * 1e6 / decisions,
                serverSeconds / run.seconds(),
                client.busiestSince(clientBefore) / run.seconds(),
                client.secondsSince(clientBefore) / run.seconds());
    }

    /** Returns the CPU time of the client per decision, in microseconds. */
    double clientMicros() {
        return clientCores * 1e6 / perSecond;
    }

    private static double percentile(long[] sortedNanos, int percent) {
        return sortedNanos[(int) ((long) (sortedNanos.length - 1) * percent / 100)] / 1e3;
    }
}
