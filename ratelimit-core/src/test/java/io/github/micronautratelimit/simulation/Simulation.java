package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.simulation.Fault.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/** One run of a scenario: instances start, serve requests, die; the store fails and recovers. */
final class Simulation {

    static final Duration DEADLINE = Duration.ofMillis(100);
    /** The store decides every request from then on, in milliseconds since the start. */
    static final long RECOVERED = Scenario.FAULTS_END + 2_500;
    /** The clock of the store at the start of the scheduler: noon, so that no run crosses the border of a day. */
    static final long EPOCH_MICROS = 1_700_049_600_000_000L;

    private static final long REQUESTS_END = RECOVERED + 1_000;
    private static final long END = REQUESTS_END + 5_000;
    private static final int CLOCK_OFFSET_MICROS = 50_000;
    private static final int REFUNDED = 3;
    private static final long LATEST_REFUND = Duration.ofMillis(800).toNanos();
    private static final long KEPT = -1;
    private static final int SLOT_REQUESTS_PER_SECOND = 6;
    private static final int PAIRS_PER_SECOND = 8;
    private static final int RESERVATIONS_PER_SECOND = 6;
    private static final int BLOCKED_REQUESTS_PER_SECOND = 8;
    private static final int OPERATIONS_PER_SECOND = 1;

    private final Scenario scenario;
    private final Mutant mutant;
    private final VirtualScheduler scheduler = new VirtualScheduler();
    private final long begun = scheduler.nanoTime();
    private final Ledger ledger = new Ledger();
    private final FakeStore store;
    private final List<Subject> subjects;
    private final SlotHolders slots;
    private final Pairs pairs;
    private final ReservedPermits reserved;
    private final Blocks blocks;
    private final List<Instance> running = new ArrayList<>();
    private final List<Instance> all = new ArrayList<>();
    private final long[] clockOffsets;

    private Simulation(Scenario scenario, Mutant mutant) {
        this.scenario = scenario;
        this.mutant = mutant;
        this.store = new FakeStore(scenario.parts(), scheduler, ledger);
        this.subjects = Subject.of(scenario.seed());
        Random random = Scenario.random(scenario.seed(), 2);
        this.slots = new SlotHolders(this, random);
        this.pairs = new Pairs(this, random);
        this.reserved = new ReservedPermits(this, random);
        this.blocks = new Blocks(this);
        int offset = random.nextBoolean() ? CLOCK_OFFSET_MICROS : 0;
        this.clockOffsets =
                random.longs(scenario.instances(), -offset, offset + 1).toArray();
        for (int i = 0; i < scenario.instances(); i++) {
            running.add(start(i));
        }
    }

    /** Runs a scenario on a stack, and returns what happened. */
    static Ledger run(Scenario scenario, Mutant mutant) {
        Simulation simulation = new Simulation(scenario, mutant);
        simulation.run();
        return simulation.ledger;
    }

    private void run() {
        scenario.faults().forEach(this::schedule);
        Random random = Scenario.random(scenario.seed(), 3);
        subjects.forEach(subject -> schedule(subject, random));
        schedule(SLOT_REQUESTS_PER_SECOND, random, (instance, seed) -> slots.take(instance, seed));
        schedule(PAIRS_PER_SECOND, random, (instance, seed) -> pairs.request(instance, seed));
        schedule(RESERVATIONS_PER_SECOND, random, (instance, seed) -> reserved.reserve(instance, seed));
        schedule(BLOCKED_REQUESTS_PER_SECOND, random, (instance, seed) -> blocks.request(instance));
        schedule(OPERATIONS_PER_SECOND, random, (instance, seed) -> blocks.operate(instance, seed));
        scheduler.runUntil(nanos(END));
        new FinalChecks(this).run();
    }

    private void schedule(Fault fault) {
        if (fault.kind().losesData()) {
            at(fault.from(), () -> lose(fault));
        } else if (fault.kind().endsInstance()) {
            at(fault.from(), () -> end(fault.instance(), fault.kind() == Kind.INSTANCE_STOPS));
            at(fault.until(), () -> {
                if (running.get(fault.instance()).isDead()) {
                    running.set(fault.instance(), start(fault.instance()));
                }
            });
        }
    }

    private void lose(Fault fault) {
        long lostMicros = fault.kind() == Kind.FAILS_OVER ? 1_000 * (fault.until() - fault.from()) : Long.MAX_VALUE / 2;
        store.lose(fault.part(), store.micros() - lostMicros);
        if (fault.concernsPart(slots.part())) {
            slots.forget(fault.kind() == Kind.FAILS_OVER);
        }
        if (fault.concernsPart(blocks.part())) {
            blocks.forget();
        }
    }

    private void end(int number, boolean closes) {
        Instance instance = running.get(number);
        if (!instance.isDead()) {
            instance.end(closes);
            slots.ended(instance);
        }
    }

    private Instance start(int number) {
        Instance instance = new Instance(this, number, all.size());
        all.add(instance);
        return instance;
    }

    private interface Arrival {

        void request(Instance instance, long seed);
    }

    private void schedule(Subject subject, Random random) {
        if (subject.role() == Subject.Role.STEADY) {
            arriveEvenly(subject, 1, 0);
            return;
        }
        boolean refunds = subject.role() == Subject.Role.SLOW;
        schedule(subject.requestsPerSecond(), random, (instance, seed) -> {
            long refundAfter =
                    refunds && Math.floorMod(seed, REFUNDED) == 0 ? Math.floorMod(seed >> 16, LATEST_REFUND) : KEPT;
            instance.request(subject, Math.floorMod(seed >> 8, 5) == 0 ? 2 : 1, refundAfter);
        });
    }

    /** Each instance in turn has a request. */
    private void arriveEvenly(Subject subject, long millis, int turn) {
        at(millis, () -> {
            arrive(turn % scenario.instances(), instance -> instance.request(subject, 1, KEPT));
            long next = millis + 1_000 / subject.requestsPerSecond();
            if (next < REQUESTS_END) {
                arriveEvenly(subject, next, turn + 1);
            }
        });
    }

    private void schedule(int perSecond, Random random, Arrival arrival) {
        SplittableRandom own = new SplittableRandom(random.nextLong());
        arriveAtRandom(1 + own.nextInt(100), perSecond, own, arrival);
    }

    private void arriveAtRandom(long millis, int perSecond, SplittableRandom random, Arrival arrival) {
        at(millis, () -> {
            long seed = random.nextLong();
            arrive(random.nextInt(scenario.instances()), instance -> arrival.request(instance, seed));
            long next = millis + 1 + random.nextInt(2_000 / perSecond);
            if (next < REQUESTS_END) {
                arriveAtRandom(next, perSecond, random, arrival);
            }
        });
    }

    private void arrive(int number, Consumer<Instance> request) {
        Instance instance = running.get(number);
        if (!instance.isDead()) {
            request.accept(instance);
        }
    }

    private void at(long millis, Runnable action) {
        scheduler.after(nanos(millis) - scheduler.nanoTime(), action);
    }

    /** Returns the time of the scheduler. */
    long nanos(long millis) {
        return begun + Duration.ofMillis(millis).toNanos();
    }

    /** Returns the milliseconds since the start. */
    long millis() {
        return Duration.ofNanos(scheduler.nanoTime() - begun).toMillis();
    }

    /**
     * Returns the fault of a call that is sent now.
     *
     * @param percent returns a random number below 100
     */
    @Nullable
    Fault fault(int instance, String key, IntSupplier percent) {
        long now = scheduler.nanoTime() - begun;
        for (Fault fault : scenario.faults()) {
            if (fault.concernsCalls(instance, store.part(key), now)
                    && concernsKey(fault, key)
                    && percent.getAsInt() < fault.percent()) {
                return fault;
            }
        }
        return null;
    }

    /** The store throttles the key of one subject. */
    private boolean concernsKey(Fault fault, String key) {
        return fault.kind() != Kind.THROTTLES
                || subjects.get((int) (fault.from() % subjects.size())).key().equals(key);
    }

    /** Returns whether no fault concerns the calls on a key. */
    boolean isWell(String key) {
        return scenario.faults().stream()
                .noneMatch(fault -> fault.concernsPart(store.part(key)) && concernsKey(fault, key));
    }

    /** Returns by how many microseconds the clock of an instance differs from that of the store now. */
    long clockOffset(int instance) {
        long offset = clockOffsets[instance];
        for (Fault fault : scenario.faults()) {
            if (fault.kind() == Kind.CLOCK_STEPS && fault.instance() == instance && fault.from() <= millis()) {
                offset += 1_000 * (fault.until() - fault.from());
            }
        }
        return offset;
    }

    /** Returns whether clocks of instances differ from that of the store, now or later. */
    boolean hasClockOffsets() {
        if (scenario.clockSteps() > 0) {
            return true;
        }
        for (long offset : clockOffsets) {
            if (offset != 0) {
                return true;
            }
        }
        return false;
    }

    Scenario scenario() {
        return scenario;
    }

    Mutant mutant() {
        return mutant;
    }

    VirtualScheduler scheduler() {
        return scheduler;
    }

    FakeStore store() {
        return store;
    }

    Ledger ledger() {
        return ledger;
    }

    List<Subject> subjects() {
        return subjects;
    }

    SlotHolders slots() {
        return slots;
    }

    Pairs pairs() {
        return pairs;
    }

    ReservedPermits reserved() {
        return reserved;
    }

    /** Returns all instances, also those that have ended. */
    List<Instance> instances() {
        return all;
    }
}
