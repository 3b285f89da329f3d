package io.github.micronautratelimit.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.github.micronautratelimit.simulation.Fault.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/**
 * Runs seeds of the simulation. {@code -Dratelimit.seeds=N} sets their number, {@code -Dratelimit.first-seed=N} the
 * first one.
 */
class SimulationTest {

    private static final long FIRST_SEED = Long.getLong("ratelimit.first-seed", 0);
    private static final long SEEDS = Long.getLong("ratelimit.seeds", 2_000);
    private static final int SEEDS_PER_CASE = 500;
    /** Each mutant has to be found within this number of seeds. */
    private static final int SEEDS_PER_MUTANT = 5_000;

    private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.github.micronautratelimit.guard");

    /** Each run has several outages, and each of them two messages. */
    @BeforeAll
    static void silenceGuards() {
        LOG.setLevel(Level.OFF);
    }

    @AfterAll
    static void restoreLevel() {
        LOG.setLevel(null);
    }

    private static Map<String, String> violations(Scenario scenario, Mutant mutant) {
        return Simulation.run(scenario, mutant).violations();
    }

    /** Blocks of seeds, because cases run concurrently. */
    @TestFactory
    Stream<DynamicTest> noRunViolatesARule() {
        return LongStream.iterate(FIRST_SEED, first -> first < FIRST_SEED + SEEDS, first -> first + SEEDS_PER_CASE)
                .mapToObj(first -> {
                    long end = Math.min(first + SEEDS_PER_CASE, FIRST_SEED + SEEDS);
                    return DynamicTest.dynamicTest("seeds from " + first, () -> noRunViolatesARule(first, end));
                });
    }

    private static void noRunViolatesARule(long first, long end) {
        for (long seed = first; seed < end; seed++) {
            Scenario scenario = Scenario.of(seed);
            Map<String, String> violations = violations(scenario, Mutant.NONE);
            if (!violations.isEmpty()) {
                String rule = violations.keySet().iterator().next();
                fail("Seed " + seed + " violates the rules " + violations + ". For the first of them suffices "
                        + minimised(scenario, rule, Mutant.NONE) + ". Repeat with -Dratelimit.seeds=1"
                        + " -Dratelimit.first-seed=" + seed + ".");
            }
        }
    }

    /** Removes faults as long as the rule is violated without them. */
    private static Scenario minimised(Scenario scenario, String rule, Mutant mutant) {
        Scenario smallest = scenario;
        for (int i = 0; i < smallest.faults().size(); ) {
            List<Fault> fewer = new ArrayList<>(smallest.faults());
            fewer.remove(i);
            Scenario smaller = smallest.with(fewer);
            if (violations(smaller, mutant).containsKey(rule)) {
                smallest = smaller;
                i = 0;
            } else {
                i++;
            }
        }
        return smallest;
    }

    @Test
    void seedReproducesARun() {
        Scenario scenario = Scenario.of(5);
        Map<String, List<Ledger.Entry>> grants =
                Simulation.run(scenario, Mutant.NONE).grants();
        assertFalse(grants.isEmpty());
        assertEquals(grants, Simulation.run(scenario, Mutant.NONE).grants());
        assertNotEquals(grants, Simulation.run(Scenario.of(6), Mutant.NONE).grants());
    }

    @Test
    void everyKindOfFaultAndEachNumberOfInstancesOccur() {
        List<Scenario> scenarios = new ArrayList<>();
        for (long seed = 0; seed < SEEDS_PER_MUTANT; seed++) {
            scenarios.add(Scenario.of(seed));
        }
        for (Kind kind : Kind.values()) {
            assertTrue(
                    scenarios.stream()
                            .anyMatch(scenario -> scenario.faults().stream().anyMatch(fault -> fault.kind() == kind)),
                    kind::name);
        }
        assertEquals(
                List.of(1, 2, 3, 4),
                scenarios.stream().map(Scenario::instances).distinct().sorted().toList());
    }

    /** A simulation that finds no fault proves nothing. */
    @ParameterizedTest
    @EnumSource
    void mutantIsFound(Mutants mutant) {
        for (long seed = 0; seed < SEEDS_PER_MUTANT; seed++) {
            if (violations(Scenario.of(seed), mutant).containsKey(mutant.violatedRule())) {
                return;
            }
        }
        fail(mutant + " does not violate the rule \"" + mutant.violatedRule() + "\" in " + SEEDS_PER_MUTANT + " runs.");
    }

    @Test
    void faultsThatAFailureDoesNotNeedAreRemoved() {
        Mutants mutant = Mutants.OUTAGE_NEVER_ENDS;
        Fault needed = new Fault(Kind.REFUSES, Fault.ALL, Fault.ALL, 100, 1_000, 2_000);
        Fault needless = new Fault(Kind.INSTANCE_DIES, Fault.ALL, 0, 100, 3_000, 3_100);
        Scenario scenario = Scenario.of(1).with(List.of(needless, needed));
        assertEquals(
                List.of(needed),
                minimised(scenario, mutant.violatedRule(), mutant).faults());
    }
}
