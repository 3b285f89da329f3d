package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.memory.MemoryBackend;
import io.github.micronautratelimit.testing.Await;
import io.github.micronautratelimit.testing.HeldStore;
import io.github.micronautratelimit.testing.RecordingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The events that listeners receive, the threads they run on, and that no request waits for them. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class EventDispatcherTest {

    private static final Policy TEN = Policy.of("ten", "10/day");

    private final RecordingListener recorder = new RecordingListener();

    private static RateLimiter limiter(RateLimitListener... listeners) {
        return RateLimiter.builder(new MemoryBackend(() -> 1_000_000_000_000_000L, 100))
                .listeners(List.of(listeners))
                .build();
    }

    @Test
    void eventHasRequestOriginDecisionSourceAndDuration() {
        RateLimiter limiter = limiter(recorder);
        limiter.tryAcquire(TEN, "key", 3);
        limiter.tryAcquireAll(List.of(new PermitRequest(TEN, "key", 7, PermitRequest.Origin.HTTP)));
        limiter.tryAcquireAll(List.of(
                new PermitRequest(TEN, "key", 1, PermitRequest.Origin.METHOD),
                new PermitRequest(TEN, "other", 1, PermitRequest.Origin.METHOD)));
        List<RateLimitEvent> events = recorder.events();
        assertEquals(
                List.of(PermitRequest.Origin.CODE, PermitRequest.Origin.HTTP, PermitRequest.Origin.METHOD),
                events.stream().map(RateLimitEvent::origin).toList());
        assertEquals(
                List.of(3L, 7L, 1L),
                events.stream().map(RateLimitEvent::permits).toList());
        assertEquals(
                List.of(true, true, false),
                events.stream().map(event -> event.decision().allowed()).toList());
        assertTrue(events.stream()
                .allMatch(event -> event.source() == Decision.Source.STORE
                        && event.duration().toNanos() > 0
                        && event.duration().compareTo(Duration.ofMinutes(1)) < 0
                        && event.keyHash().equals(KeyHash.of("key"))));
    }

    @Test
    void limitIsNearWhenFourFifthsAreUsed() {
        RateLimiter limiter = limiter(recorder);
        for (int i = 0; i < 11; i++) {
            limiter.tryAcquire(TEN, "key");
        }
        assertEquals(
                List.of(false, false, false, false, false, false, false, true, true, true, false),
                recorder.events().stream().map(RateLimitEvent::isNearLimit).toList());
    }

    @Test
    void skippedRequestsAreNotDispatched() {
        limiter(recorder)
                .leaseAll(List.of(
                        new PermitRequest(TEN, "key", 11),
                        new PermitRequest(Policy.of("slots", "1 concurrent"), "key", 1)));
        assertEquals(
                List.of("ten"),
                recorder.events().stream().map(event -> event.policy().name()).toList());
    }

    @Test
    void queuedListenersRunInOrderOnOneDaemonThreadOfTheirOwn() throws InterruptedException {
        List<String> received = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch all = new CountDownLatch(4);
        class NamedListener implements RateLimitListener {
            private final String name;

            NamedListener(String name) {
                this.name = name;
            }

            @Override
            public void onAllow(RateLimitEvent event) {
                received.add(name + " " + event.permits());
                threads.add(Thread.currentThread());
                all.countDown();
            }
        }
        RateLimiter limiter = limiter(new NamedListener("a"), new NamedListener("b"));
        limiter.tryAcquire(TEN, "key", 1);
        limiter.tryAcquire(TEN, "key", 2);
        assertTrue(all.await(30, TimeUnit.SECONDS));
        assertEquals(List.of("a 1", "b 1", "a 2", "b 2"), received);
        assertEquals(1, threads.stream().distinct().count());
        assertNotEquals(Thread.currentThread(), threads.get(0));
        assertTrue(threads.get(0).isDaemon());
    }

    @Test
    void blockingListenerDelaysNoRequestAndEventsBeyondTheQueueAreCounted() throws InterruptedException {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        List<Long> received = Collections.synchronizedList(new ArrayList<>());
        Policy many = Policy.of("many", "1000000/day");
        RateLimiter limiter = limiter(new RateLimitListener() {
            @Override
            public void onAllow(RateLimitEvent event) {
                entered.countDown();
                try {
                    release.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                received.add(event.permits());
            }
        });
        limiter.tryAcquire(many, "key", 7);
        assertTrue(entered.await(30, TimeUnit.SECONDS));
        for (int i = 0; i < RateLimitListener.QUEUE + 25; i++) {
            assertTrue(limiter.tryAcquire(many, "key").allowed());
        }
        assertEquals(25, limiter.stats().eventsDropped());
        release.countDown();
        Await.until("the queued events are received", () -> received.size() == 1 + RateLimitListener.QUEUE);
        assertEquals(7L, received.get(0));
        limiter.tryAcquire(many, "key", 9);
        Await.until("a later event is received", () -> received.get(received.size() - 1) == 9L);
        assertEquals(25, limiter.stats().eventsDropped());
        assertEquals(0, limiter.stats().listenerFailures());
    }

    @Test
    void failuresOfListenersAreCounted() {
        List<String> received = Collections.synchronizedList(new ArrayList<>());
        RateLimiter limiter = limiter(
                new RateLimitListener() {
                    @Override
                    public void onAllow(RateLimitEvent event) {
                        throw new IllegalStateException("thrown on purpose");
                    }
                },
                new RateLimitListener() {
                    @Override
                    public void onAllow(RateLimitEvent event) {
                        received.add(event.policy().name());
                    }
                });
        limiter.tryAcquire(TEN, "key");
        limiter.tryAcquire(TEN, "key");
        Await.until("the second listener has received both events", () -> received.size() == 2);
        assertEquals(2, limiter.stats().listenerFailures());
        assertEquals(0, limiter.stats().eventsDropped());
    }

    @Test
    void failureOfAGuardedStoreHasPolicyKeyHashCauseAndDuration() {
        HeldStore store = new HeldStore();
        try (RateLimiter limiter = RateLimiter.builder(store)
                .deadline(Duration.ofMinutes(1))
                .listeners(List.of(recorder))
                .build()) {
            CompletableFuture<Decision> answer =
                    limiter.async().tryAcquire(TEN, "secret", 1).toCompletableFuture();
            IllegalStateException unavailable = new IllegalStateException("The store is unavailable.");
            store.call(0).fail(unavailable);
            assertTrue(answer.join().allowed());
            assertEquals(1, recorder.failures().size());
            StoreFailure failure = recorder.failures().get(0);
            assertEquals(TEN, failure.policy());
            assertEquals(KeyHash.of("secret"), failure.keyHash());
            assertSame(unavailable, failure.cause());
            assertTrue(failure.duration().toNanos() > 0);
            assertFalse(failure.toString().contains("secret"));
            assertEquals(
                    List.of(Decision.Source.FALLBACK),
                    recorder.events().stream().map(RateLimitEvent::source).toList());
        }
    }
}
