package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.MicroClock;

/** The time of the log. It never goes back: a late line is decided at the time of the latest one. */
final class VirtualClock implements MicroClock {

    private long micros;

    void moveTo(long time) {
        micros = Math.max(micros, time);
    }

    @Override
    public long micros() {
        return micros;
    }
}
