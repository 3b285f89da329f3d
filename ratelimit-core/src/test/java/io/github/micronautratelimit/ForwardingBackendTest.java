package io.github.micronautratelimit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.RateLimitBackend.SharedRecord;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Calls each method of {@link RateLimitBackend} by reflection, so that a new method cannot be forgotten. The cases
 * share the recorded calls.
 */
@Execution(ExecutionMode.SAME_THREAD)
class ForwardingBackendTest {

    private static final Policy POLICY = Policy.of("p", "1/s");

    /** An argument for each type of parameter. */
    private static final Map<Class<?>, Object> ARGUMENTS = Map.of(
            Policy.class,
            POLICY,
            String.class,
            "key",
            long.class,
            7L,
            List.class,
            List.of(),
            UUID.class,
            new UUID(1, 2),
            Reservation.Receipt.class,
            new Reservation.Receipt(new UUID(1, 2), 3, 4, 5),
            LimiterStats.Collector.class,
            new LimiterStats.Collector(),
            Runnable.class,
            (Runnable) () -> {});

    /** A result for each type. */
    private static final Map<Class<?>, Object> RESULTS = Map.of(
            CompletionStage.class,
            new CompletableFuture<>(),
            Decision.class,
            new Decision.Skipped(Decision.Source.STORE),
            ConcurrencyBackend.class,
            ConcurrencyBackend.unsupported("Bare"),
            SharedRecord.class,
            SharedRecord.unsupported("Bare"),
            Duration.class,
            Duration.ofMillis(7),
            String.class,
            "a part of the store",
            boolean.class,
            true);

    private record Call(String method, List<Object> arguments) {}

    private static final class Bare extends ForwardingBackend {

        @SuppressWarnings("NullAway")
        Bare(@Nullable RateLimitBackend delegate) {
            super(delegate);
        }
    }

    private final List<Call> calls = new ArrayList<>();

    private final RateLimitBackend delegate = (RateLimitBackend) Proxy.newProxyInstance(
            RateLimitBackend.class.getClassLoader(),
            new Class<?>[] {RateLimitBackend.class},
            (proxy, method, arguments) -> {
                calls.add(new Call(method.getName(), arguments == null ? List.of() : Arrays.asList(arguments)));
                return RESULTS.get(method.getReturnType());
            });

    @TestFactory
    List<DynamicTest> everyMethodIsForwardedOnce() {
        return Arrays.stream(RateLimitBackend.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .map(method -> DynamicTest.dynamicTest(method.getName(), () -> assertForwarded(method)))
                .toList();
    }

    private void assertForwarded(Method method) throws ReflectiveOperationException {
        Object[] arguments = Arrays.stream(method.getParameterTypes())
                .map(type -> {
                    assertTrue(ARGUMENTS.containsKey(type), () -> "no argument of " + type);
                    return ARGUMENTS.get(type);
                })
                .toArray();
        Class<?> result = method.getReturnType();
        assertTrue(result == void.class || RESULTS.containsKey(result), () -> "no result of " + result);
        calls.clear();
        assertEquals(RESULTS.get(result), method.invoke(new Bare(delegate), arguments));
        assertEquals(List.of(new Call(method.getName(), List.of(arguments))), calls);
    }

    @Test
    void batchCanBeDecidedByOneAcquireEach() {
        List<Long> acquired = new ArrayList<>();
        ForwardingBackend backend = new ForwardingBackend(delegate) {
            @Override
            public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
                acquired.add(permits);
                return CompletableFuture.completedFuture(new Decision.Allowed(permits, 0, Decision.Source.STORE));
            }

            @Override
            public Decision acquireBlocking(Policy policy, String key, long permits) {
                return awaitAcquire(policy, key, permits);
            }

            @Override
            public CompletionStage<List<Decision>> acquireBatch(Policy policy, String key, List<Long> permits) {
                return acquireOneByOne(policy, key, permits);
            }
        };
        List<Decision> decisions = backend.acquireBatch(POLICY, "key", List.of(3L, 1L, 2L))
                .toCompletableFuture()
                .join();
        assertEquals(List.of(3L, 1L, 2L), acquired);
        assertEquals(
                List.of(3L, 1L, 2L), decisions.stream().map(Decision::remaining).toList());
        assertEquals(5, backend.acquireBlocking(POLICY, "key", 5).remaining());
        assertEquals(List.of(), calls);
    }
}
