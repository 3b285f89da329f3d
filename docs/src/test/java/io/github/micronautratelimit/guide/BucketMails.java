package io.github.micronautratelimit.guide;

import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A limit with Bucket4j. */
final class BucketMails {

    private final TimeMeter clock;

    BucketMails(TimeMeter clock) {
        this.clock = clock;
    }

    // tag::bucket[]
    private final Map<String, Bucket> buckets = new ConcurrentHashMap<>();

    boolean maySend(String user) {
        return buckets.computeIfAbsent(user, this::bucket).tryConsume(1);
    }

    private Bucket bucket(String user) {
        return Bucket.builder()
                .addLimit(limit -> limit.capacity(20).refillGreedy(10, Duration.ofMinutes(1)))
                .withCustomTimePrecision(clock)
                .build();
    }
    // end::bucket[]
}
