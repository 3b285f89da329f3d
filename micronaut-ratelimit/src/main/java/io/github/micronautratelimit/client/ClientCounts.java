package io.github.micronautratelimit.client;

import io.micronaut.core.annotation.Internal;
import java.util.concurrent.atomic.LongAdder;

/** The counters of one client since the start. Safe for use by any number of threads. */
@Internal
public final class ClientCounts {

    private final String client;
    private final LongAdder denials = new LongAdder();
    private final LongAdder held = new LongAdder();
    private final LongAdder heldNanos = new LongAdder();
    private final LongAdder retries = new LongAdder();

    ClientCounts(String client) {
        this.client = client;
    }

    /** {@return the name of the client in the configuration} */
    public String client() {
        return client;
    }

    /** {@return the answers with which the service denied a call: 429, or 503 with a time to wait} */
    public long denials() {
        return denials.sum();
    }

    /** {@return the calls that failed without the store being asked, because they were held back for too long} */
    public long held() {
        return held.sum();
    }

    /** {@return the time for which answers to this instance held calls back, in nanoseconds} */
    public long heldNanos() {
        return heldNanos.sum();
    }

    /** {@return the repetitions of calls} */
    public long retries() {
        return retries.sum();
    }

    void denied() {
        denials.increment();
    }

    void heldCall() {
        held.increment();
    }

    void heldFor(long nanos) {
        heldNanos.add(nanos);
    }

    void retried() {
        retries.increment();
    }
}
