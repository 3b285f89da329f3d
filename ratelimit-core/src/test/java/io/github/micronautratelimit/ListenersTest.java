package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Collections;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import io.github.micronautratelimit.memory.MemoryBackend;

/** What listeners are told, on which thread, and that they cannot hold anybody up. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ListenersTest {

    private static final Policy TEN = Policy.of("ten", "10/day");

    private final List<RateLimitEvent> events = Collections.synchronizedList(new ArrayList<>());

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "still waiting until " + what);
            Thread.onSpinWait();
        }
    }

    private RateLimitListener inline() {
        return new RateLimitListener() {
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
        };
    }

    private static RateLimiter limiter(RateLimitListener... listeners) {
        return new RateLimiter(new MemoryBackend(() -> 1_000_000_000_000_000L, 100), List.of(listeners));
    }

    @Test
    void anEventSaysWhatWasLimitedWhereAndHowLongItTook() {
        RateLimiter limiter = limiter(inline());
        limiter.acquire(TEN, "key", 3);
        limiter.acquireAll(List.of(new Ask(TEN, "key", 7, LimitType.HTTP)));
        limiter.acquireAll(List.of(new Ask(TEN, "key", 1, LimitType.METHOD), new Ask(TEN, "other", 1, LimitType.METHOD)));
        assertEquals(List.of(LimitType.CODE, LimitType.HTTP, LimitType.METHOD),
                events.stream().map(RateLimitEvent::type).toList());
        assertEquals(List.of(3L, 7L, 1L), events.stream().map(RateLimitEvent::permits).toList());
        assertEquals(List.of(true, true, false), events.stream().map(event -> event.decision().allowed()).toList());
        assertTrue(events.stream().allMatch(event -> event.source() == Decision.Source.STORE
                && event.duration().toNanos() > 0 && event.duration().compareTo(Duration.ofMinutes(1)) < 0
                && event.keyHash().equals(KeyHash.of("key"))));
    }

    @Test
    void aLimitIsNearWhenFourFifthsAreUsed() {
        RateLimiter limiter = limiter(inline());
        for (int i = 0; i < 11; i++) {
            limiter.acquire(TEN, "key");
        }
        assertEquals(List.of(false, false, false, false, false, false, false, true, true, true, false),
                events.stream().map(RateLimitEvent::isNearLimit).toList());
    }

    @Test
    void othersAreToldInOrderOnOneThreadThatIsNotTheCallers() throws InterruptedException {
        List<String> told = Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = Collections.synchronizedList(new ArrayList<>());
        CountDownLatch all = new CountDownLatch(4);
        class Note implements RateLimitListener {
            private final String name;

            Note(String name) {
                this.name = name;
            }

            @Override
            public void onAllow(RateLimitEvent event) {
                told.add(name + " " + event.permits());
                threads.add(Thread.currentThread());
                all.countDown();
            }
        }
        RateLimiter limiter = limiter(new Note("a"), new Note("b"));
        limiter.acquire(TEN, "key", 1);
        limiter.acquire(TEN, "key", 2);
        assertTrue(all.await(30, TimeUnit.SECONDS));
        assertEquals(List.of("a 1", "b 1", "a 2", "b 2"), told);
        assertEquals(1, threads.stream().distinct().count());
        assertNotEquals(Thread.currentThread(), threads.get(0));
        assertTrue(threads.get(0).isDaemon());
    }

    @Test
    void aListenerThatHangsHoldsNobodyUpAndWhatDoesNotFitIsCounted() throws InterruptedException {
        CountDownLatch began = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        List<Long> heard = Collections.synchronizedList(new ArrayList<>());
        Policy many = Policy.of("many", "1000000/day");
        RateLimiter limiter = limiter(new RateLimitListener() {
            @Override
            public void onAllow(RateLimitEvent event) {
                began.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                heard.add(event.permits());
            }
        });
        limiter.acquire(many, "key", 7);
        assertTrue(began.await(30, TimeUnit.SECONDS));
        for (int i = 0; i < RateLimitListener.QUEUE + 25; i++) {
            assertTrue(limiter.acquire(many, "key").allowed());
        }
        assertEquals(25, limiter.stats().eventsDropped());
        goOn.countDown();
        await("the rest is told", () -> heard.size() == 1 + RateLimitListener.QUEUE);
        assertEquals(7L, heard.get(0));
        limiter.acquire(many, "key", 9);
        await("later events are told", () -> heard.get(heard.size() - 1) == 9L);
        assertEquals(25, limiter.stats().eventsDropped());
        assertEquals(0, limiter.stats().listenerFailures());
    }

    @Test
    void failuresOfListenersAreCounted() {
        List<String> reached = Collections.synchronizedList(new ArrayList<>());
        RateLimiter limiter = limiter(new RateLimitListener() {
            @Override
            public void onAllow(RateLimitEvent event) {
                throw new IllegalStateException("thrown on purpose");
            }
        }, new RateLimitListener() {
            @Override
            public void onAllow(RateLimitEvent event) {
                reached.add(event.policy().name());
            }
        });
        limiter.acquire(TEN, "key");
        limiter.acquire(TEN, "key");
        await("both are told", () -> reached.size() == 2);
        assertEquals(2, limiter.stats().listenerFailures());
        assertEquals(0, limiter.stats().eventsDropped());
    }

    @Test
    void aFailureSaysUnderWhichPolicyForWhomAndWhy() {
        List<RateLimitFailure> failures = Collections.synchronizedList(new ArrayList<>());
        RateLimitListener listener = new RateLimitListener() {
            @Override
            public void onError(RateLimitFailure failure) {
                failures.add(failure);
            }

            @Override
            public boolean isInline() {
                return true;
            }
        };
        HeldStore store = new HeldStore();
        List<RateLimitListener> listeners = List.of(listener);
        Guard guard = new Guard(store, Duration.ofMinutes(1), listeners);
        RateLimiter limiter = new RateLimiter(guard, listeners);
        CompletableFuture<Decision> answer = limiter.acquireAsync(TEN, "secret", 1).toCompletableFuture();
        IllegalStateException away = new IllegalStateException("away");
        store.call(0).fails(away);
        assertTrue(answer.join().allowed());
        assertEquals(1, failures.size());
        RateLimitFailure failure = failures.get(0);
        assertEquals(TEN, failure.policy());
        assertEquals(KeyHash.of("secret"), failure.keyHash());
        assertSame(away, failure.cause());
        assertTrue(failure.duration().toNanos() > 0);
        assertFalse(failure.toString().contains("secret"));
        guard.close();
    }
}
