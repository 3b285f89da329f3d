package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.hazelcast.client.HazelcastClientOfflineException;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.IndeterminateOperationStateException;
import com.hazelcast.core.OperationTimeoutException;
import com.hazelcast.spi.exception.TargetDisconnectedException;
import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tests that calls with an unknown outcome, and only these, fail with a timeout. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HazelcastFailuresTest {

    private static final Policy POLICY = Policy.of("p", "10/day");

    @Test
    void onlyUnansweredCallsHaveAnUnknownOutcome() {
        for (RuntimeException sent : List.of(
                new OperationTimeoutException("after 5 s"),
                new IndeterminateOperationStateException("a backup is missing"),
                new TargetDisconnectedException("the member has gone"))) {
            assertSame(
                    sent,
                    assertInstanceOf(TimeoutException.class, HazelcastFailures.classify(sent))
                            .getCause());
            assertInstanceOf(TimeoutException.class, HazelcastFailures.classify(new HazelcastException(sent)));
        }
        for (RuntimeException refused : List.of(new HazelcastClientOfflineException(), new HazelcastException("no"))) {
            assertSame(refused, HazelcastFailures.classify(refused));
        }
    }

    /** The timeout of the client is 1 s. The member continues afterwards and charges the call. */
    @Test
    void timeoutOfTheClientIsAnUnknownOutcome() throws Exception {
        try (Cluster cluster = new Cluster(1);
                ForkedMember member = ForkedMember.withLibrary(cluster.name(), cluster.port(0), cluster.ports())) {
            HazelcastInstance client = cluster.client(config -> {
                config.setProperty("hazelcast.client.invocation.timeout.seconds", "1");
                config.setProperty("hazelcast.client.heartbeat.interval", "200");
                config.setProperty("hazelcast.client.heartbeat.timeout", "1000");
            });
            try (HazelcastBackend backend = new HazelcastBackend(client, "unknown-outcome")) {
                backend.acquire(POLICY, "key", 1).toCompletableFuture().join();
                member.signal("STOP");
                CompletableFuture<Decision> call =
                        backend.acquire(POLICY, "key", 1).toCompletableFuture();
                CompletionException e = assertThrows(CompletionException.class, () -> call.orTimeout(
                                Duration.ofSeconds(60).toSeconds(), TimeUnit.SECONDS)
                        .join());
                assertInstanceOf(
                        HazelcastException.class,
                        assertInstanceOf(TimeoutException.class, e.getCause()).getCause());
                member.signal("CONT");
            }
        }
    }
}
