package io.github.micronautratelimit.guide;

import java.util.concurrent.atomic.AtomicLong;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import jakarta.inject.Singleton;

// tag::alarm[]
@Singleton
class Alarm implements RateLimitListener {

    private final AtomicLong blocked = new AtomicLong();

    @Override
    public void onBlock(RateLimitEvent event) {     // there are also onAllow and onError
        blocked.incrementAndGet();
    }

    long blocked() {
        return blocked.get();
    }
}
// end::alarm[]
