package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.EntryView;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.map.IMap;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.tck.BackendUnderTest;
import io.github.micronautratelimit.tck.VirtualClock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Opens backends on the instances of one cluster in turn. Each sends the time of its own clock. */
class HazelcastUnderTest implements BackendUnderTest {

    private static final String NAMESPACE = "contract";
    /** The extra lifetime of entries under the clock of a test. */
    private static final long EXTRA_LIFE_MILLIS = TimeUnit.HOURS.toMillis(1) + 2_001;

    private final List<HazelcastInstance> instances;
    private final IMap<String, byte[]> map;
    private final List<HazelcastBackend> opened = new ArrayList<>();
    private Duration uncounted = Duration.ZERO;

    HazelcastUnderTest(List<HazelcastInstance> instances) {
        this.instances = instances;
        this.map = instances.get(0).getMap("ratelimit:" + NAMESPACE);
    }

    /** Counts the calls of instances. Opens a backend on each before, because the first backend configures the map. */
    static List<HazelcastInstance> counted(List<HazelcastInstance> instances) {
        for (HazelcastInstance instance : instances) {
            new HazelcastBackend(instance, NAMESPACE).close();
        }
        return instances.stream().map(CountedMaps::of).toList();
    }

    @Override
    public RateLimitBackend connect(MicroClock clock) {
        HazelcastBackend backend =
                new HazelcastBackend(instances.get(opened.size() % instances.size()), NAMESPACE, clock, false);
        opened.add(backend);
        return backend;
    }

    @Override
    public long roundTrips() {
        return CountedMaps.calls();
    }

    @Override
    public long roundTripsPerDecision() {
        return 1;
    }

    @Override
    public long liveKeys() {
        return map.size();
    }

    /**
     * Shortens the lifetimes that entries were written with. The time that really passes does not count, because a test
     * may take any. Hazelcast keeps lifetimes in whole seconds, so fractions add up here.
     */
    @Override
    public void letPass(VirtualClock clock, Duration duration) {
        clock.advance(duration);
        Duration due = uncounted.plus(duration);
        long millis = TimeUnit.SECONDS.toMillis(due.toSeconds());
        uncounted = due.minusMillis(millis);
        if (millis == 0) {
            return;
        }
        for (String key : map.keySet()) {
            EntryView<String, byte[]> entry = map.getEntryView(key);
            if (entry != null) {
                long left = entry.getTtl() - millis;
                if (left <= EXTRA_LIFE_MILLIS) {
                    map.delete(key);
                } else {
                    map.setTtl(key, left, TimeUnit.MILLISECONDS);
                }
            }
        }
    }

    @Override
    public void close() {
        map.clear();
        opened.forEach(HazelcastBackend::close);
    }
}
