package io.github.micronautratelimit.benchmarks.redis;

import java.util.List;
import java.util.concurrent.CompletionStage;

/** A limiter that keeps its keys in Redis. Used by any number of threads at once, one measurement after the other. */
interface Contender extends AutoCloseable {

    /** What it is called in the tables. */
    String name();

    /** Limits these keys, which the server does not know, so that what follows has this outcome. */
    void limit(Outcome outcome, List<String> keys);

    /** Takes one permit; whether it was granted. Never blocks. */
    CompletionStage<Boolean> acquire(String key);

    /** After a measurement: sends nothing of its own accord until keys are limited anew. */
    default void rest() {
    }

    /** How many commands the client sent, and how long the server ran them: of these statistics, those of a script. */
    default CommandStats.Total sent(CommandStats stats) {
        return stats.total("evalsha").plus(stats.total("eval"));
    }

    @Override
    void close();
}
