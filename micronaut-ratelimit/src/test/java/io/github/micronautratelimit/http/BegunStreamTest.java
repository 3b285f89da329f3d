package io.github.micronautratelimit.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;

class BegunStreamTest {

    private final List<Long> requested = new ArrayList<>();
    private final AtomicBoolean cancelled = new AtomicBoolean();
    private final BegunStream<Integer> stream = new BegunStream<>();

    private static final class Reader extends BaseSubscriber<Integer> {

        private final List<Integer> received = new ArrayList<>();

        @Override
        protected void hookOnSubscribe(Subscription subscription) {}

        @Override
        protected void hookOnNext(Integer item) {
            received.add(item);
        }
    }

    private Reader read(int items) {
        Flux.range(0, items)
                .doOnRequest(requested::add)
                .doOnCancel(() -> cancelled.set(true))
                .subscribe(stream);
        assertTrue(stream.begun().isDone());
        assertEquals(List.of(1L), requested);
        Reader reader = new Reader();
        stream.items().subscribe(reader);
        return reader;
    }

    /** A source such as a database fetches as many rows as are requested. */
    @Test
    void requestsOfTheSubscriberArePassedOn() {
        Reader reader = read(1_000);
        reader.request(100);
        assertEquals(List.of(1L, 100L), requested);
        assertEquals(100, reader.received.size());
        reader.requestUnbounded();
        assertEquals(1_000, reader.received.size());
        assertEquals(999, reader.received.get(999));
        assertTrue(reader.isDisposed());
        assertTrue(stream.ended().isDone());
    }

    @Test
    void cancellationIsPassedOn() {
        Reader reader = read(1_000);
        reader.request(10);
        assertFalse(cancelled.get());
        reader.cancel();
        assertTrue(cancelled.get());
        assertTrue(stream.ended().isDone());
    }
}
