package io.github.micronautratelimit.guide;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import jakarta.inject.Singleton;
import java.util.concurrent.atomic.AtomicLong;

// tag::alarm[]
@Singleton
class Alarm implements RateLimitListener {

    private final AtomicLong denied = new AtomicLong();

    @Override
    public void onBlock(RateLimitEvent event) { // there are also onAllow and onError
        denied.incrementAndGet();
    }

    long denied() {
        return denied.get();
    }
}
// end::alarm[]
