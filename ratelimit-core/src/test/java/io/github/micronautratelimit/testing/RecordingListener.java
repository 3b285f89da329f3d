package io.github.micronautratelimit.testing;

import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.StoreFailure;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Records events and failures on the thread of each decision. */
public final class RecordingListener implements RateLimitListener {

    private final List<RateLimitEvent> events = Collections.synchronizedList(new ArrayList<>());
    private final List<StoreFailure> failures = Collections.synchronizedList(new ArrayList<>());

    public List<RateLimitEvent> events() {
        return events;
    }

    public List<StoreFailure> failures() {
        return failures;
    }

    @Override
    public boolean isInline() {
        return true;
    }

    @Override
    public void onAllow(RateLimitEvent event) {
        events.add(event);
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        events.add(event);
    }

    @Override
    public void onError(StoreFailure failure) {
        failures.add(failure);
    }
}
