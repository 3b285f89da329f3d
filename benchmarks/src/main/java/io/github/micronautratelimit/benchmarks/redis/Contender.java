package io.github.micronautratelimit.benchmarks.redis;

import java.util.List;
import java.util.concurrent.CompletionStage;

/** A limiter of keys in Redis. Safe for use by any number of threads, but only for one measurement at a time. */
interface Contender extends AutoCloseable {

    /** Returns the name in the tables. */
    String name();

    /** Limits keys that the server does not know, so that all later decisions have the given outcome. */
    void limit(Outcome outcome, List<String> keys);

    /** Acquires one permit and returns whether it was granted. Never blocks. */
    CompletionStage<Boolean> acquire(String key);

    /** Ends a measurement: sends no commands in the background until {@link #limit} is called again. */
    default void rest() {}

    /** Returns the commands that the client sent and their execution time in the server. The default counts scripts. */
    default CommandStats.Total sent(CommandStats stats) {
        return stats.total("evalsha").plus(stats.total("eval"));
    }

    @Override
    void close();
}
