package io.github.micronautratelimit.hazelcast;

import java.util.List;
import java.util.UUID;

import org.jspecify.annotations.Nullable;

import com.hazelcast.map.EntryProcessor;

import io.github.micronautratelimit.ConcurrencyLimit;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Places;
import io.github.micronautratelimit.RateLimitDefectException;
import io.github.micronautratelimit.Wire;

/**
 * What is asked of one key's places. The answer to a renewal is a grant if the place was held.
 *
 * @param kind   what to do
 * @param limit  how many places there are, and for how long one is kept
 * @param holder who asks
 */
record PlaceStep(Kind kind, ConcurrencyLimit limit, UUID holder) implements Question<Decision> {

    /** What can be asked. The order is what is sent: new kinds go to the end. */
    enum Kind { ACQUIRE, RENEW, RELEASE, PEEK }

    private static final int FORM = 1;
    private static final Decision YES = new Decision.Allowed(0, 0, Decision.Source.STORE);
    private static final Decision NO = new Decision.Denied(0, 0, 0, List.of(), Decision.Source.STORE);

    @Override
    public Change<Decision> on(byte @Nullable [] stored, long nowMicros, boolean inTests) {
        Places places = stored == null ? new Places() : Wire.readPlaces(stored);
        Decision decision = switch (kind) {
            case ACQUIRE -> places.acquire(limit, holder, nowMicros);
            case RENEW -> places.renew(limit, holder, nowMicros) ? YES : NO;
            case RELEASE -> {
                places.release(holder);
                yield YES;
            }
            case PEEK -> places.peek(limit, nowMicros);
        };
        boolean changed = decision.allowed() && kind != Kind.PEEK && (stored != null || kind != Kind.RELEASE);
        return new Change<>(decision, changed ? Written.of(places, nowMicros, inTests) : null);
    }

    @Override
    public long longestLifeMillis(long nowMicros, boolean inTests) {
        return Written.lifeMillis(limit.leaseMicros(), inTests);
    }

    @Override
    public EntryProcessor<String, byte[], long[]> sent(@Nullable Long givenMicros) {
        return new DecidePlaces(this, givenMicros);
    }

    /** A decision as numbers, which every member and client can carry. */
    static long[] write(Decision decision) {
        return new long[] {FORM, decision.allowed() ? 1 : 0, decision.remaining(), decision.retryAfterMicros(),
            decision.resetAfterMicros()};
    }

    @Override
    public Decision read(long[] numbers) {
        if (numbers[0] != FORM) {
            throw new RateLimitDefectException(new IllegalStateException("the member that owns the key answered in form "
                    + numbers[0] + ", but this instance reads form " + FORM + ": update micronaut-ratelimit-hazelcast "
                    + "here."));
        }
        return numbers[1] == 1 ? new Decision.Allowed(numbers[2], numbers[4], Decision.Source.STORE)
                : new Decision.Denied(numbers[2], numbers[3], numbers[4], List.of(), Decision.Source.STORE);
    }
}
