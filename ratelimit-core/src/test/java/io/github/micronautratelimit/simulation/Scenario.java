package io.github.micronautratelimit.simulation;

import io.github.micronautratelimit.simulation.Fault.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * The course of a run. The seed determines everything; the faults can be changed apart from the rest.
 *
 * @param seed      of all choices
 * @param instances the number of instances
 * @param parts     the number of parts of the store
 * @param coalesces whether callers share calls
 * @param faults    what goes wrong
 */
record Scenario(long seed, int instances, int parts, boolean coalesces, List<Fault> faults) {

    /** All faults are over by then, in milliseconds since the start. */
    static final long FAULTS_END = 4_500;

    private static final long SPREAD = 0x9E3779B97F4A7C15L;
    private static final int MAX_INSTANCES = 4;
    private static final int MAX_PARTS = 3;
    private static final int MAX_FAULTS = 5;
    private static final int LONGEST_FAULT = 3_000;
    private static final int MOST_LOST_WRITES = 400;

    /** Returns a source of random numbers. Those of seeds that differ by little would begin alike. */
    static Random random(long seed, int use) {
        return new Random((seed * 8 + use) * SPREAD);
    }

    static Scenario of(long seed) {
        Random random = random(seed, 0);
        int instances = 1 + random.nextInt(MAX_INSTANCES);
        int parts = 1 + random.nextInt(MAX_PARTS);
        boolean coalesces = random.nextInt(3) == 0;
        int part = random.nextBoolean() ? Fault.ALL : random.nextInt(parts);
        List<Fault> faults = new ArrayList<>();
        if (random.nextInt(14) == 0) {
            return new Scenario(seed, instances, parts, coalesces, List.of(throttling(random)));
        }
        if (random.nextInt(3) == 0) {
            faults.addAll(coinciding(random));
        }
        int count = 1 + random.nextInt(faults.isEmpty() ? MAX_FAULTS : 2);
        for (int i = 0; i < count; i++) {
            faults.add(fault(random, instances, part));
        }
        return new Scenario(seed, instances, parts, coalesces, List.copyOf(faults));
    }

    /** Returns the throttling of a key for long. With nothing else, it must not concern other keys. */
    private static Fault throttling(Random random) {
        long from = 500 + random.nextInt(1_000);
        return new Fault(Kind.THROTTLES, Fault.ALL, Fault.ALL, 100, from, FAULTS_END);
    }

    /** Returns faults at the same time, each of some calls, so that the calls of an instance fail in several ways. */
    private static List<Fault> coinciding(Random random) {
        long from = random.nextInt((int) FAULTS_END - LONGEST_FAULT);
        long until = from + LONGEST_FAULT / 2 + random.nextInt(LONGEST_FAULT / 2);
        List<Fault> faults = new ArrayList<>();
        for (Kind kind : List.of(Kind.LOSES_REPLIES, Kind.REFUSES)) {
            faults.add(new Fault(kind, Fault.ALL, Fault.ALL, 20 + random.nextInt(20), from, until));
        }
        return faults;
    }

    private static Fault fault(Random random, int instances, int concerned) {
        Kind[] kinds = Kind.values();
        Kind kind = kinds[random.nextInt(kinds.length)];
        long from = 500 + random.nextInt((int) FAULTS_END - 1_000);
        long length = 1 + random.nextInt(random.nextBoolean() ? 300 : LONGEST_FAULT);
        int part = kind.isOfInstance() ? Fault.ALL : concerned;
        int instance = kind.isOfInstance() || random.nextInt(4) == 0 ? random.nextInt(instances) : Fault.ALL;
        long until =
                kind == Kind.FAILS_OVER ? from + random.nextInt(MOST_LOST_WRITES) : Math.min(FAULTS_END, from + length);
        int percent = random.nextInt(2) == 0 ? 1 + random.nextInt(99) : 100;
        return new Fault(kind, part, instance, percent, from, until);
    }

    Scenario with(List<Fault> others) {
        return new Scenario(seed, instances, parts, coalesces, others);
    }

    /** Returns how often a part loses data. */
    int losses(int part) {
        return (int) faults.stream()
                .filter(fault -> fault.kind().losesData() && fault.concernsPart(part))
                .count();
    }

    /** Returns how often instances start, beyond their first starts. */
    int restarts() {
        return (int)
                faults.stream().filter(fault -> fault.kind().endsInstance()).count();
    }

    /** Returns how often clocks of instances step ahead. */
    int clockSteps() {
        return (int) faults.stream()
                .filter(fault -> fault.kind() == Kind.CLOCK_STEPS)
                .count();
    }
}
