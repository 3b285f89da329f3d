package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Guard;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.github.micronautratelimit.tck.FaultyStore.Fault;
import io.github.resilience4j.circuitbreaker.CircuitBreaker.State;

/**
 * What an application sees of a store that fails behind a {@link Guard}: every decision in time, made by the policy's
 * on-error; and when the store is back, that it decides again, and what it knows.
 *
 * <p>Whoever writes a backend extends this with a {@link FaultyStore}. The cases run on real time and take about
 * a minute. A store that works is to answer within the deadline, and one that is slow long after it, even if the machine
 * stands still for a while; so choose half a second. Other bounds on time are multiples of it.
 */
public abstract class FaultContract {

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    /** Of a machine that others use too. */
    private static final int SLACK = 10;
    /** More than it takes to open the breaker. */
    private static final int CALLS = 30;
    /** As many as a store that hung can carry out soon after. */
    private static final int AT_ONCE = 2_000;
    private static final long CAPACITY = 10_000;
    /** What backends, and servers in the same process, may keep for their next calls. */
    private static final int MOST_POOLED_THREADS = 256;

    private FaultyStore store;
    private Unanswered unanswered;
    private Guard guard;
    private RateLimiter limiter;

    /**
     * Opens a store that works.
     *
     * @return a new store, or the same as before under the names of other policies; the suite closes it
     */
    protected abstract FaultyStore open();

    /**
     * The deadline of the calls, long enough for the store when all is well. The default is the backend's own.
     *
     * @return 1 ms or more
     */
    protected Duration deadline() {
        return store.backend().deadline();
    }

    @BeforeEach
    void openStore() {
        store = open();
        unanswered = new Unanswered(store.backend());
        guard = new Guard(unanswered, "faulty", deadline(), 1, MicroClock.system(), List.of());
        limiter = new RateLimiter(guard, List.of());
    }

    @AfterEach
    void closeStore() {
        store.heal();
        guard.close();
        store.close();
    }

    /** Nothing comes back while the test runs: 10 000 permits a year are one in 53 minutes. */
    private static Policy policy(OnError onError) {
        return new Policy("fault-" + UUID.randomUUID(), List.of(Limit.parse(CAPACITY + "/365day")), onError);
    }

    private CompletableFuture<Decision> ask(Policy policy) {
        return limiter.acquireAsync(policy, "key", 1).toCompletableFuture()
                .orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private Decision acquire(Policy policy) {
        return ask(policy).join();
    }

    /** As many callers at the same time, which is to cost them a deadline together, and not one each. */
    private List<Decision> acquireAtOnce(Policy policy, int callers) {
        return Stream.generate(() -> ask(policy)).limit(callers).toList().stream().map(CompletableFuture::join).toList();
    }

    private void inject(Fault fault) {
        assumeTrue(store.faults().contains(fault));
        store.inject(fault);
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, () -> "still waiting until " + what);
            pause(5);
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    /** The permits of the key that the store itself counts as spent. */
    private long spentInStore(Policy policy) {
        await("the outage is over", () -> !guard.inOutage() && guard.breaker().getState() == State.CLOSED);
        Decision decision = limiter.peek(policy, "key", 0);
        assertEquals(Decision.Source.STORE, decision.source());
        return CAPACITY - decision.remaining();
    }

    /** No call takes longer than the deadline and a little; once the breaker is open, none waits at all. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void everyDecisionIsInTime(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        assertEquals(Decision.Source.STORE, acquire(policy).source());
        inject(fault);
        long begun = System.nanoTime();
        assertTrue(acquireAtOnce(policy, CALLS).stream().allMatch(Decision::allowed));
        long longest = System.nanoTime() - begun;
        assertTrue(longest < SLACK * deadline().toNanos(), () -> "the longest took " + longest + " ns");
        if (!fault.leavesWithoutAnswer()) {
            assertEquals(State.CLOSED, guard.breaker().getState());
            return;
        }
        assertFalse(guard.breaker().getState() == State.CLOSED);
        List<Long> afterwards = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            afterwards.add(nanosOf(policy));
        }
        Collections.sort(afterwards);
        assertTrue(afterwards.get(90) < deadline().toNanos() / 2, "90 % took up to " + afterwards.get(90) + " ns");
    }

    private long nanosOf(Policy policy) {
        long begun = System.nanoTime();
        assertTrue(acquire(policy).allowed());
        return System.nanoTime() - begun;
    }

    /** The policy decides, before the breaker opens and after. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void thePolicysOnErrorDecides(Fault fault) {
        assumeTrue(fault.leavesWithoutAnswer());
        inject(fault);
        for (OnError onError : OnError.values()) {
            Policy policy = new Policy(policy(onError).name(), List.of(Limit.parse("20/365day")), onError);
            List<Decision> decisions = new ArrayList<>(acquireAtOnce(policy, CALLS / 2));
            for (int i = CALLS / 2; i < CALLS; i++) {
                decisions.add(acquire(policy));
            }
            assertTrue(decisions.stream().allMatch(decision -> decision.source() == Decision.Source.FALLBACK));
            long granted = decisions.stream().filter(Decision::allowed).count();
            assertEquals(onError == OnError.OPEN ? CALLS : onError == OnError.CLOSED ? 0 : 20, granted, onError::name);
        }
    }

    /** The breaker opens and closes again by itself: no request is needed for that. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void theBreakerOpensAndClosesWithoutTraffic(Fault fault) {
        assumeTrue(fault.leavesWithoutAnswer());
        // Nothing is owed, so it is the try alone that tells.
        Policy policy = policy(OnError.OPEN);
        inject(fault);
        acquireAtOnce(policy, CALLS);
        assertFalse(guard.breaker().getState() == State.CLOSED);
        assertTrue(guard.inOutage());
        pause(2 * deadline().toMillis() + 1_000);
        assertFalse(guard.breaker().getState() == State.CLOSED, "a store that fails is not believed to be back");
        store.heal();
        await("the breaker is closed", () -> guard.breaker().getState() == State.CLOSED);
        assertEquals(Decision.Source.STORE, acquire(policy).source());
        await("the outage is over", () -> !guard.inOutage());
    }

    /** Nothing granted is forgotten but calls that were late, and nothing is charged that was not granted. */
    @ParameterizedTest
    @EnumSource(Fault.class)
    void afterwardsTheStoreKnowsWhatWasGrantedWithoutIt(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        long granted = 7;
        for (int i = 0; i < granted; i++) {
            assertTrue(acquire(policy).allowed());
        }
        inject(fault);
        long failuresBefore = guard.failures();
        assertTrue(acquireAtOnce(policy, CALLS).stream().allMatch(Decision::allowed));
        for (int i = CALLS; i < 100; i++) {
            assertTrue(acquire(policy).allowed());
        }
        granted += 100;
        // What was sent to a store that hung or was out of reach may have come to nothing.
        long lost = fault == Fault.HUNG || fault == Fault.HALF_OPEN ? guard.failures() - failuresBefore : 0;
        long twice = fault == Fault.DELIVERED_TWICE ? 100 : 0;
        store.heal();
        long spent = spentInStore(policy);
        assertTrue(spent >= granted - lost && spent <= granted + twice,
                () -> spent + " spent in the store, " + guard.failures() + " calls failed");
    }

    /**
     * A store that comes and goes is charged each permit once, however often it went; but for calls that it went away
     * under, of which nobody knows whether they were carried out.
     */
    @ParameterizedTest
    @EnumSource(value = Fault.class, names = {"REFUSED", "ERRORS"})
    void aStoreThatComesAndGoesKnowsEveryPermit(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        long granted = 0;
        for (int turn = 0; turn < 5; turn++) {
            inject(fault);
            for (int i = 0; i < 40 * turn; i++) {
                granted += acquire(policy).allowed() ? 1 : 0;
            }
            store.heal();
            pause(150L * turn);
            for (int i = 0; i < 10; i++) {
                granted += acquire(policy).allowed() ? 1 : 0;
            }
        }
        assertEquals(450, granted);
        long spent = spentInStore(policy);
        assertTrue(spent <= 450 && spent >= 450 - unanswered.permits(), () -> spent + " spent in the store, "
                + unanswered.permits() + " asked for without an answer");
        assertTrue(unanswered.permits() <= 450 / 2, "most is known");
    }

    /** A few errors among many answers do not open the breaker. */
    @Test
    void aShortBurstOfErrorsIsNoReasonToStopAsking() {
        Policy policy = policy(OnError.LOCAL);
        for (int burst = 0; burst < 5; burst++) {
            for (int i = 0; i < 20; i++) {
                assertEquals(Decision.Source.STORE, acquire(policy).source());
            }
            inject(Fault.ERRORS);
            for (int i = 0; i < 5; i++) {
                assertEquals(Decision.Source.FALLBACK, acquire(policy).source());
            }
            store.heal();
        }
        assertEquals(State.CLOSED, guard.breaker().getState());
        assertEquals(125, spentInStore(policy));
    }

    /** After 10 000 failures every stage is complete and forgotten, and the threads and connections are as before. */
    @ParameterizedTest
    @EnumSource(value = Fault.class, names = {"REFUSED", "HUNG"})
    void nothingIsLeftBehind(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        acquire(policy);
        int threads = Thread.getAllStackTraces().size();
        int connections = store.connections();
        inject(fault);
        List<CompletableFuture<Decision>> calls = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            calls.add(limiter.acquireAsync(policy, "key-" + i % 100, 1).toCompletableFuture());
            if (i == AT_ONCE) {
                await("the breaker is open", () -> guard.breaker().getState() != State.CLOSED);
            }
        }
        await("every stage is complete", () -> calls.stream().allMatch(CompletableFuture::isDone));
        assertTrue(calls.stream().noneMatch(CompletableFuture::isCompletedExceptionally));
        assertTrue(calls.stream().allMatch(call -> call.join().allowed()));
        List<WeakReference<CompletableFuture<Decision>>> left =
                new ArrayList<>(calls.stream().map(WeakReference::new).toList());
        calls.clear();
        store.heal();
        await("the outage is over", () -> !guard.inOutage());
        // A backend's own may linger: it keeps them for the next call.
        await("the guard's threads are gone", () -> Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                .noneMatch(name -> name.matches("ratelimit-(deadlines|late-.*|recovery-.*)")));
        await("no more threads than before", () -> Thread.getAllStackTraces().size() <= threads + MOST_POOLED_THREADS);
        await("no more connections than before", () -> store.connections() <= connections);
        await("the stages are garbage", () -> {
            System.gc();
            left.removeIf(stage -> stage.get() == null);
            return left.size() < 100;
        });
    }
}
