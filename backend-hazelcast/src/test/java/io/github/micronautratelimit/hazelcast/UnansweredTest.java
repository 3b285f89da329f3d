package io.github.micronautratelimit.hazelcast;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import com.hazelcast.client.HazelcastClientOfflineException;
import com.hazelcast.core.HazelcastException;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.IndeterminateOperationStateException;
import com.hazelcast.core.OperationTimeoutException;
import com.hazelcast.spi.exception.TargetDisconnectedException;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.Policy;

/** A call that was sent and not answered may have been carried out, and says so. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UnansweredTest {

    private static final Policy POLICY = Policy.of("p", "10/day");

    @Test
    void whatWasNotAnsweredMayHaveBeenCarriedOutAndNothingElse() {
        for (RuntimeException sent : List.of(new OperationTimeoutException("after 5 s"),
                new IndeterminateOperationStateException("a backup is missing"),
                new TargetDisconnectedException("the member has gone"))) {
            assertSame(sent, assertInstanceOf(TimeoutException.class, Unanswered.or(sent)).getCause());
            assertInstanceOf(TimeoutException.class, Unanswered.or(new HazelcastException(sent)));
        }
        for (RuntimeException refused : List.of(new HazelcastClientOfflineException(), new HazelcastException("no"))) {
            assertSame(refused, Unanswered.or(refused));
        }
    }

    /** The client's own timeout is a second; the member goes on afterwards, and charges. */
    @Test
    void aClientThatGivesUpSaysThatTheMemberMayGoOn() throws Exception {
        try (Cluster cluster = new Cluster(1);
                ForkedMember member = ForkedMember.withLibrary(cluster.name(), cluster.port(0), cluster.ports())) {
            HazelcastInstance client = cluster.client(config -> {
                config.setProperty("hazelcast.client.invocation.timeout.seconds", "1");
                config.setProperty("hazelcast.client.heartbeat.interval", "200");
                config.setProperty("hazelcast.client.heartbeat.timeout", "1000");
            });
            try (HazelcastBackend backend = new HazelcastBackend(client, "unanswered")) {
                backend.acquire(POLICY, "key", 1).toCompletableFuture().join();
                member.signal("STOP");
                CompletableFuture<Decision> call = backend.acquire(POLICY, "key", 1).toCompletableFuture();
                CompletionException e = assertThrows(CompletionException.class,
                        () -> call.orTimeout(Duration.ofSeconds(60).toSeconds(), TimeUnit.SECONDS).join());
                assertInstanceOf(HazelcastException.class,
                        assertInstanceOf(TimeoutException.class, e.getCause()).getCause());
                member.signal("CONT");
            }
        }
    }
}
