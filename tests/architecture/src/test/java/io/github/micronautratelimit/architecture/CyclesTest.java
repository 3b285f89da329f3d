package io.github.micronautratelimit.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * Cycles between top-level classes, found by Tarjan's algorithm for strongly connected components (SIAM Journal on
 * Computing 1(2), 1972).
 */
class CyclesTest {

    /**
     * The intended cycles: a sealed algebra, builders and their products, a clock and its default, a multi-word
     * compare-and-set.
     */
    private static final Set<Set<String>> INTENDED = Set.of(
            Set.of(
                    "BlockedState",
                    "CalendarText",
                    "CalendarWindows",
                    "CompositeState",
                    "ConcurrencyLimit",
                    "FixedWindow",
                    "Limit",
                    "LimitSet",
                    "LimitState",
                    "LimitText",
                    "Reserved",
                    "ReservedState",
                    "SingleLimitState",
                    "SlidingWindow",
                    "SlotState",
                    "StateCodec",
                    "TokenBucket"),
            Set.of("RateLimiter", "RateLimiterBuilder"),
            Set.of("RateLimitFilter", "RateLimitFilterBuilder"),
            Set.of("MicroClock", "SystemClock"),
            Set.of("RateLimit", "RateLimits"),
            Set.of("Cell", "Swap"));

    private final Map<String, Set<String>> edges = new TreeMap<>();
    private final Map<String, Integer> index = new HashMap<>();
    private final Map<String, Integer> low = new HashMap<>();
    private final Deque<String> stack = new ArrayDeque<>();
    private final List<Set<String>> cycles = new ArrayList<>();

    @Test
    void classesFormNoCycleButTheIntendedOnes() {
        for (JavaClass type : PublishedClasses.ALL) {
            for (Dependency dependency : type.getDirectDependenciesFromSelf()) {
                JavaClass target = dependency.getTargetClass().getBaseComponentType();
                if (PublishedClasses.ALL.contain(target.getName())) {
                    String from = PublishedClasses.topLevel(type).getName();
                    String to = PublishedClasses.topLevel(target).getName();
                    edges.computeIfAbsent(from, name -> new TreeSet<>());
                    if (!from.equals(to)) {
                        edges.get(from).add(to);
                    }
                }
            }
        }
        edges.keySet().stream()
                .filter(name -> !index.containsKey(name))
                .toList()
                .forEach(this::visit);
        assertEquals(INTENDED, Set.copyOf(cycles));
    }

    private void visit(String name) {
        if (index.containsKey(name)) {
            return;
        }
        index.put(name, index.size());
        low.put(name, index.get(name));
        stack.push(name);
        for (String next : edges.getOrDefault(name, Set.of())) {
            if (!index.containsKey(next)) {
                visit(next);
                low.merge(name, low.get(next), Math::min);
            } else if (stack.contains(next)) {
                low.merge(name, index.get(next), Math::min);
            }
        }
        if (low.get(name).equals(index.get(name))) {
            Set<String> component = new TreeSet<>();
            String member;
            do {
                member = stack.pop();
                component.add(member.substring(member.lastIndexOf('.') + 1));
            } while (!member.equals(name));
            if (component.size() > 1) {
                cycles.add(component);
            }
        }
    }
}
