package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.guard.Guard;
import io.github.micronautratelimit.limit.Limit;
import io.github.micronautratelimit.tck.FaultyStore.Fault;
import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.api.parallel.ResourceAccessMode;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Checks how an application sees a failing store behind a {@link Guard}. Every decision is in time and is made by the
 * on-error setting of the policy. After the outage the store decides again, and is charged for granted permits.
 *
 * <p>To test a backend, extend this class with a {@link FaultyStore}. A store that works must answer within the
 * deadline, and a slow one must exceed it. Half a second is a good deadline; other bounds on time are multiples of it.
 *
 * <p>The cases run in real time and mostly wait; one after the other, they take about two minutes. If
 * {@code junit.jupiter.execution.parallel.enabled} is {@code true}, they run concurrently, each with a store that it
 * has opened.
 */
public abstract class FaultContract implements SlotFaultContract {

    private static final long CAPACITY = 10_000;
    /** Threads that backends, and servers in the same process, may keep for their next calls. */
    private static final int MAX_POOLED_THREADS = 256;
    /** Calls that a store that hung can execute soon after the healing. */
    private static final int CALLS_BEFORE_BREAKER_OPENS = 2_000;
    /** Faults during which a call gets neither an answer nor an error. */
    private static final Set<Fault> SILENT = EnumSet.of(Fault.HUNG, Fault.SLOW);

    private FaultyStore store;
    private FaultCase faulty;

    /** Creates the suite. */
    protected FaultContract() {}

    /**
     * Opens a store that works.
     *
     * @return a new store, or one that earlier cases used with policies of other names; the suite closes it
     */
    protected abstract FaultyStore open();

    /**
     * Returns the deadline of calls, long enough for a store that works. The default is the deadline of the backend.
     *
     * @return 1 ms or more
     */
    protected Duration deadline() {
        return store.backend().deadline();
    }

    @BeforeEach
    void openStore() {
        store = open();
        faulty = new FaultCase(store, deadline());
    }

    @AfterEach
    void closeStore() {
        faulty.close();
    }

    @Override
    public final FaultCase faultCase() {
        return faulty;
    }

    /** No permit comes back during a case: 10 000 permits a year are one in 53 minutes. */
    private static Policy policy(OnError onError) {
        return policy(onError, CAPACITY);
    }

    private static Policy policy(OnError onError, long capacity) {
        return Policy.of("fault-" + UUID.randomUUID(), List.of(Limit.parse(capacity + "/365day")))
                .withOnError(onError);
    }

    private Decision decidedByStore(Policy policy) {
        Decision decision = faulty.acquire(FaultCase.withLongDeadline(policy));
        assertEquals(Decision.Source.STORE, decision.source());
        return decision;
    }

    /** Returns the permits that the store counts as spent. */
    private long spentInStore(Policy policy) {
        faulty.awaitRecovery();
        Decision decision = faulty.limiter.peek(FaultCase.withLongDeadline(policy), "key", 0);
        assertEquals(Decision.Source.STORE, decision.source());
        return CAPACITY - decision.remaining();
    }

    /** No call takes much longer than the deadline. Once the breaker is open, no call waits at all. */
    @EveryFault
    void everyDecisionIsInTime(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        decidedByStore(policy);
        faulty.inject(fault);
        long failuresBefore = faulty.failures();
        long begun = System.nanoTime();
        List<Decision> decisions = faulty.acquireConcurrently(
                fault.failsCalls() ? policy : FaultCase.withLongDeadline(policy), FaultCase.CALLS);
        faulty.assertInTime(begun);
        long nanos = System.nanoTime() - begun;
        assertEquals(FaultCase.CALLS, FaultCase.allowed(decisions));
        if (!fault.failsCalls()) {
            FaultCase.assertSource(Decision.Source.STORE, decisions);
            assertEquals(0, faulty.failures() - failuresBefore);
            assertTrue(faulty.isBreakerClosed());
            return;
        }
        FaultCase.assertSource(Decision.Source.FALLBACK, decisions);
        // The call before the fault is one of the calls that open the breaker.
        assertTrue(faulty.failures() - failuresBefore >= FaultCase.BREAKER_MINIMUM - 1);
        assertFalse(faulty.isBreakerClosed());
        assertTrue(
                !SILENT.contains(fault) || nanos >= faulty.deadline.toNanos(),
                () -> "The guard waited only " + Duration.ofNanos(nanos) + ".");
        assertTrue(
                nanosOfNinetyPercent(policy) < faulty.deadline.toNanos() / 2,
                "With an open breaker, decisions wait for the store.");
    }

    private long nanosOfNinetyPercent(Policy policy) {
        List<Long> nanos = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            long begun = System.nanoTime();
            assertTrue(faulty.acquire(policy).allowed());
            nanos.add(System.nanoTime() - begun);
        }
        Collections.sort(nanos);
        return nanos.get(89);
    }

    /** The policy decides, before the breaker opens and after. */
    @EveryFault
    void onErrorDecides(Fault fault) {
        assumeTrue(fault.failsCalls());
        faulty.inject(fault);
        for (OnError onError : OnError.values()) {
            Policy policy = policy(onError, 20);
            List<Decision> decisions = new ArrayList<>(faulty.acquireConcurrently(policy, FaultCase.CALLS / 2));
            while (decisions.size() < FaultCase.CALLS) {
                decisions.add(faulty.acquire(policy));
            }
            FaultCase.assertSource(Decision.Source.FALLBACK, decisions);
            int granted = onError == OnError.OPEN ? FaultCase.CALLS : onError == OnError.CLOSED ? 0 : 20;
            assertEquals(granted, FaultCase.allowed(decisions), onError::name);
        }
    }

    /** The fallback decides on several policies together: all requests of a call are granted, or none is charged. */
    @EveryFault
    void onErrorDecidesOnSeveralPoliciesTogether(Fault fault) {
        assumeTrue(fault.failsCalls());
        Policy wide = policy(OnError.LOCAL, 20);
        Policy narrow = policy(OnError.LOCAL, 10);
        List<PermitRequest> requests = List.of(new PermitRequest(wide, "key", 1), new PermitRequest(narrow, "key", 1));
        faulty.inject(fault);
        List<Decisions> decided = FaultCase.joinConcurrently(
                FaultCase.CALLS, () -> faulty.limiter.async().tryAcquireAll(requests));
        decided.forEach(decisions -> {
            assertEquals(2, decisions.list().size());
            FaultCase.assertSource(Decision.Source.FALLBACK, decisions.list());
        });
        assertEquals(10, decided.stream().filter(Decisions::allowed).count());
        assertEquals(10, FaultCase.allowed(faulty.acquireConcurrently(wide, FaultCase.CALLS)));
        assertEquals(0, FaultCase.allowed(faulty.acquireConcurrently(narrow, FaultCase.CALLS)));
    }

    /** The breaker opens and closes without requests of the application. */
    @EveryFault
    void breakerOpensAndClosesWithoutTraffic(Fault fault) {
        assumeTrue(fault.failsCalls());
        // There are no unsettled charges, so all later calls are probes.
        Policy policy = policy(OnError.OPEN);
        faulty.inject(fault);
        faulty.acquireConcurrently(policy, FaultCase.CALLS);
        assertFalse(faulty.isBreakerClosed());
        assertTrue(faulty.guard.inOutage());
        long before = faulty.backend.calls();
        FaultCase.await("a probe has failed and the next has begun", () -> faulty.backend.calls() >= before + 2);
        assertFalse(faulty.isBreakerClosed(), "The store still fails.");
        faulty.store.heal();
        FaultCase.await("the breaker is closed", faulty::isBreakerClosed);
        decidedByStore(policy);
        faulty.awaitRecovery();
    }

    /** All permits granted during the outage are charged, except those of late calls, and no others. */
    @EveryFault
    void recoveryChargesPermitsGrantedLocally(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        for (int i = 0; i < 7; i++) {
            assertTrue(decidedByStore(policy).allowed());
        }
        faulty.inject(fault);
        assertEquals(FaultCase.CALLS, FaultCase.allowed(faulty.acquireConcurrently(policy, FaultCase.CALLS)));
        for (int i = FaultCase.CALLS; i < 100; i++) {
            assertTrue(faulty.acquire(policy).allowed());
        }
        // A store that hung may have dropped calls that were sent to it.
        long lost = fault.executesCalls() && fault != Fault.HUNG ? 0 : faulty.backend.unansweredPermits(policy);
        long twice = fault == Fault.DELIVERED_TWICE ? 100 : 0;
        faulty.store.heal();
        long spent = spentInStore(policy);
        assertTrue(
                spent >= 107 - lost && spent <= 107 + twice,
                () -> "The store counts " + spent + " of 107 permits; calls for " + lost + " were not answered.");
    }

    /**
     * Each permit is charged once, however often the store fails. Calls during which the store fails are the exception:
     * the caller cannot know whether the store has executed them.
     */
    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"REFUSED", "ERRORS"})
    @Execution(ExecutionMode.CONCURRENT)
    @ResourceLock(value = EveryFault.THREADS, mode = ResourceAccessMode.READ)
    void repeatedOutagesChargeEachPermitOnce(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        long granted = 0;
        for (int outage = 0; outage < 5; outage++) {
            faulty.inject(fault);
            for (int i = 0; i < 40 * outage; i++) {
                granted += faulty.acquire(policy).allowed() ? 1 : 0;
            }
            faulty.store.heal();
            awaitStageOfRecovery(outage);
            for (int i = 0; i < 10; i++) {
                granted += faulty.acquire(policy).allowed() ? 1 : 0;
            }
        }
        assertEquals(450, granted);
        long spent = spentInStore(policy);
        long unanswered = faulty.backend.unansweredPermits(policy);
        assertTrue(
                spent <= 450 && spent >= 450 - unanswered,
                () -> "The store counts " + spent + " of 450 permits; calls for " + unanswered + " were not answered.");
        assertTrue(unanswered <= 450 / 2, () -> "Calls for " + unanswered + " permits were not answered.");
    }

    /** Outages that follow each other at each stage of the recovery. */
    private void awaitStageOfRecovery(int stage) {
        long before = faulty.backend.calls();
        switch (stage) {
            case 2 -> FaultCase.await(
                    "a probe has begun", () -> faulty.backend.calls() > before || faulty.isBreakerClosed());
            case 3 -> FaultCase.await("the breaker is closed", faulty::isBreakerClosed);
            case 4 -> faulty.awaitRecovery();
            default -> {
                // The next outage follows at once.
            }
        }
    }

    /** A few errors among many answers do not open the breaker. */
    @Test
    @Execution(ExecutionMode.CONCURRENT)
    @ResourceLock(value = EveryFault.THREADS, mode = ResourceAccessMode.READ)
    void shortBurstOfErrorsDoesNotOpenTheBreaker() {
        Policy policy = FaultCase.withLongDeadline(policy(OnError.LOCAL));
        for (int burst = 0; burst < 5; burst++) {
            for (int i = 0; i < 20; i++) {
                decidedByStore(policy);
            }
            faulty.inject(Fault.ERRORS);
            for (int i = 0; i < 5; i++) {
                assertEquals(Decision.Source.FALLBACK, faulty.acquire(policy).source());
            }
            store.heal();
        }
        assertTrue(faulty.isBreakerClosed());
        assertEquals(25, faulty.failures());
        assertEquals(125, spentInStore(policy));
    }

    /**
     * After 10 000 failures all stages are complete and collected. There are as many threads and connections as before.
     */
    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"REFUSED", "HUNG"})
    @ResourceLock(EveryFault.THREADS)
    void failedCallsLeaveNothingBehind(Fault fault) {
        Policy policy = policy(OnError.LOCAL);
        decidedByStore(policy);
        int threads = Thread.getAllStackTraces().size();
        int connections = store.connections();
        faulty.inject(fault);
        List<CompletableFuture<Decision>> calls = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            calls.add(faulty.limiter
                    .async()
                    .tryAcquire(policy, "key-" + i % 100, 1)
                    .toCompletableFuture());
            if (i == CALLS_BEFORE_BREAKER_OPENS) {
                FaultCase.await("the breaker is open", () -> !faulty.isBreakerClosed());
            }
        }
        FaultCase.await("all stages are complete", () -> calls.stream().allMatch(CompletableFuture::isDone));
        assertTrue(calls.stream().noneMatch(CompletableFuture::isCompletedExceptionally));
        assertTrue(calls.stream().allMatch(call -> call.join().allowed()));
        List<WeakReference<CompletableFuture<Decision>>> uncollected =
                new ArrayList<>(calls.stream().map(WeakReference::new).toList());
        calls.clear();
        store.heal();
        FaultCase.await("the outage is over", () -> faulty.guard.isSettled());
        FaultCase.await("the threads of the guard have stopped", () -> Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .noneMatch(name -> name.matches("ratelimit-(deadlines|late-.*|recovery-.*)")));
        FaultCase.await(
                "the other threads are as many as before",
                () -> Thread.getAllStackTraces().size() <= threads + MAX_POOLED_THREADS);
        FaultCase.await("the connections are as many as before", () -> store.connections() <= connections);
        FaultCase.await("the stages are collected", () -> {
            System.gc();
            uncollected.removeIf(stage -> stage.get() == null);
            return uncollected.size() < 100;
        });
    }
}
