package io.github.micronautratelimit.hazelcast;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.hazelcast.map.IMap;

import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.Wire;

/**
 * Decides in the stead of members that have not got this library: reads the entry, takes the step here and replaces the
 * entry, if nobody else has in the meantime; else again. It works on the same entries as {@link Decide}, so both may be
 * used at once. Time is the caller's, and each step waits for one or two answers of the member, and its thread for two more.
 */
final class CompareAndReplace {

    private static final Logger LOG = LoggerFactory.getLogger(CompareAndReplace.class);
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final IMap<String, byte[]> map;
    private final Executor threads;
    private final MicroClock clock;
    private final boolean inTests;

    CompareAndReplace(IMap<String, byte[]> map, Executor threads, MicroClock clock, boolean inTests) {
        this.map = map;
        this.threads = threads;
        this.clock = clock;
        this.inTests = inTests;
    }

    <T> CompletableFuture<T> decide(String key, Question<T> step) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        threads.execute(() -> {
            try {
                decide(key, step, answer);
            } catch (RuntimeException e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    private <T> void decide(String key, Question<T> step, CompletableFuture<T> answer) {
        long start = System.nanoTime();
        while (System.nanoTime() - start < PATIENCE_NANOS) {
            byte[] stored = map.get(key);
            long now = clock.micros();
            Question.Change<T> change = step.on(stored, now, inTests);
            Written written = change.written();
            if (written == null) {
                answer.complete(change.answer());
                return;
            }
            long life = Math.max(written.lifeMillis(), step.longestLifeMillis(now, inTests));
            byte[] value = written.value();
            if (stored == null && map.putIfAbsent(key, value, life, TimeUnit.MILLISECONDS) == null) {
                answer.complete(change.answer());
                return;
            }
            if (stored != null && map.replace(key, stored, value)) {
                answer.complete(change.answer());
                renew(key, life);
                return;
            }
        }
        throw new IllegalStateException("Too many instances ask for one key at once to be served by compare-and-replace; "
                + "put micronaut-ratelimit-hazelcast on the members' class path.");
    }

    /**
     * Replacing makes an entry immortal. The renewed life is as long as any state of the policy says something: others may
     * have replaced the entry since, and must not see it end before its time. They may also have blocked the key for longer,
     * or use longer limits; so the entry is looked at again.
     */
    private void renew(String key, long life) {
        try {
            long given = 0;
            for (long needed = life; needed > given; needed = lifeOf(map.get(key))) {
                map.setTtl(key, needed, TimeUnit.MILLISECONDS);
                given = needed;
            }
        } catch (RuntimeException e) {
            LOG.debug("An entry has got no time to live and stays until it is used again.", e);
        }
    }

    private long lifeOf(byte @Nullable [] value) {
        if (value == null) {
            return 0;
        }
        long now = clock.micros();
        return Written.lifeMillis(Wire.isPlaces(value) ? Wire.readPlaces(value).endAfter(now)
                : Wire.readState(value).resetAfter(now), inTests);
    }
}
