package io.github.micronautratelimit.grpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.rpc.RetryInfo;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimiter;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.micronaut.context.ApplicationContext;
import io.micronaut.grpc.server.GrpcEmbeddedServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GrpcTest {

    private static final long TIMEOUT_SECONDS = 60;

    private final ApplicationContext context = ApplicationContext.run(
            Map.of("spec.name", "grpc", "grpc.server.port", "${random.port}", "grpc.server.host", "127.0.0.1"));
    private final GrpcEmbeddedServer server = context.getBean(GrpcEmbeddedServer.class);
    private final TextService service = context.getBean(TextService.class);
    private ManagedChannel channel;

    @BeforeEach
    void connect() {
        if (!server.isRunning()) {
            server.start();
        }
        channel = ManagedChannelBuilder.forAddress("127.0.0.1", server.getPort())
                .usePlaintext()
                .build();
    }

    @AfterEach
    void close() throws InterruptedException {
        channel.shutdownNow();
        channel.awaitTermination(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        context.close();
    }

    private static String call(Channel to, MethodDescriptor<String, String> method, String text) {
        return ClientCalls.blockingUnaryCall(
                to, method, CallOptions.DEFAULT.withDeadlineAfter(TIMEOUT_SECONDS, TimeUnit.SECONDS), text);
    }

    private StatusRuntimeException denied(MethodDescriptor<String, String> method) {
        return assertThrows(StatusRuntimeException.class, () -> call(channel, method, "text"));
    }

    @Test
    void callBeyondTheLimitEndsWithTheTimeToWait() {
        for (int i = 0; i < 3; i++) {
            assertEquals("text", call(channel, TextService.SAY, "text"));
        }
        StatusRuntimeException denial = denied(TextService.SAY);
        assertEquals(Status.Code.RESOURCE_EXHAUSTED, denial.getStatus().getCode());
        assertEquals(3, service.calls.get());
        Metadata trailers = denial.getTrailers();
        assertNotNull(trailers);
        long retryAfter = Long.parseLong(String.valueOf(trailers.get(GrpcDenial.RETRY_AFTER)));
        assertTrue(retryAfter > 1100 && retryAfter <= 1200, "retry-after: " + retryAfter);
        com.google.rpc.Status details = StatusProto.fromThrowable(denial);
        assertNotNull(details);
        assertTrue(details.getDetails(0).is(RetryInfo.class));
        assertFalse(String.valueOf(denial).contains("127.0.0.1"));
    }

    @Test
    void keyMayBeMetadataAndEachValueHasItsOwnPermits() {
        Metadata first = new Metadata();
        first.put(Metadata.Key.of("x-tenant", Metadata.ASCII_STRING_MARSHALLER), "first");
        Metadata second = new Metadata();
        second.put(Metadata.Key.of("x-tenant", Metadata.ASCII_STRING_MARSHALLER), "second");
        for (Metadata tenant : List.of(first, second)) {
            Channel ofTenant = ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(tenant));
            assertEquals("text", call(ofTenant, TextService.TENANT, "text"));
            assertThrows(StatusRuntimeException.class, () -> call(ofTenant, TextService.TENANT, "text"));
        }
    }

    @Test
    void streamCostsOnceHoweverManyMessagesItHas() throws InterruptedException {
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        StreamObserver<String> requests = ClientCalls.asyncBidiStreamingCall(
                channel.newCall(TextService.CHAT, CallOptions.DEFAULT), collecting(answers));
        for (int i = 0; i < 20; i++) {
            requests.onNext("m" + i);
        }
        requests.onCompleted();
        for (int i = 0; i < 20; i++) {
            assertEquals("m" + i, answers.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        }
        assertEquals("completed", answers.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        ClientCalls.asyncBidiStreamingCall(channel.newCall(TextService.CHAT, CallOptions.DEFAULT), collecting(answers));
        assertEquals("RESOURCE_EXHAUSTED", answers.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        assertEquals(1, service.calls.get());
    }

    private static StreamObserver<String> collecting(BlockingQueue<String> answers) {
        return new StreamObserver<>() {

            @Override
            public void onNext(String text) {
                answers.add(text);
            }

            @Override
            public void onError(Throwable failure) {
                answers.add(Status.fromThrowable(failure).getCode().name());
            }

            @Override
            public void onCompleted() {
                answers.add("completed");
            }
        };
    }

    @Test
    void slotIsHeldUntilTheClientCancels() throws Exception {
        ClientCall<String, String> holding = channel.newCall(TextService.HOLD, CallOptions.DEFAULT);
        Future<String> never = ClientCalls.futureUnaryCall(holding, "wait");
        assertTrue(service.held.await(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        assertEquals(
                Status.Code.RESOURCE_EXHAUSTED,
                denied(TextService.HOLD).getStatus().getCode());
        assertTrue(never.cancel(true));
        long begun = System.nanoTime();
        while (true) {
            try {
                assertEquals("text", call(channel, TextService.HOLD, "text"));
                break;
            } catch (StatusRuntimeException e) {
                assertTrue(System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS), e.toString());
            }
        }
        // The end of a call releases the slot too.
        assertEquals("text", eventually(TextService.HOLD));
    }

    @Test
    void callEndsWithUnavailableIfTheStoreIsUnavailableAndOnErrorIsClosed() {
        try (ApplicationContext outage = ApplicationContext.run(Map.of(
                        "spec.name", "grpc",
                        "ratelimit.backend", "unavailable",
                        "grpc.server.port", "${random.port}",
                        "grpc.server.host", "127.0.0.1"));
                GrpcEmbeddedServer other = outage.getBean(GrpcEmbeddedServer.class)) {
            if (!other.isRunning()) {
                other.start();
            }
            ManagedChannel toOther = ManagedChannelBuilder.forAddress("127.0.0.1", other.getPort())
                    .usePlaintext()
                    .build();
            try {
                StatusRuntimeException denial =
                        assertThrows(StatusRuntimeException.class, () -> call(toOther, TextService.CLOSED, "text"));
                assertEquals(Status.Code.UNAVAILABLE, denial.getStatus().getCode());
                assertEquals("text", call(toOther, TextService.SAY, "text")); // decided locally
            } finally {
                toOther.shutdownNow();
            }
        }
    }

    private String eventually(MethodDescriptor<String, String> method) {
        long begun = System.nanoTime();
        while (true) {
            try {
                return call(channel, method, "text");
            } catch (StatusRuntimeException e) {
                assertTrue(System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS), e.toString());
            }
        }
    }

    @Test
    void serviceWithMaxWaitLetsCallsWaitInTurn() throws Exception {
        List<Future<String>> answers = new ArrayList<>();
        long begun = System.nanoTime();
        for (int i = 0; i < 5; i++) {
            answers.add(ClientCalls.futureUnaryCall(channel.newCall(TextService.AWAIT, CallOptions.DEFAULT), "m" + i));
        }
        for (int i = 0; i < 5; i++) {
            assertEquals("m" + i, answers.get(i).get(TIMEOUT_SECONDS, TimeUnit.SECONDS));
        }
        assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(1_900));
    }

    @Test
    void methodsWithoutLimitAreNotLimited() {
        for (int i = 0; i < 20; i++) {
            assertEquals("text", call(channel, TextService.FREE, "text"));
        }
    }

    @Test
    void clientWaitsForItsTurn() throws Exception {
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            Channel limited = ClientInterceptors.intercept(
                    channel,
                    new RateLimitClientInterceptor(
                            limiter, Policy.of("partner", "5/s burst 1"), "partner", Duration.ofSeconds(30)));
            long begun = System.nanoTime();
            for (int i = 0; i < 6; i++) {
                assertEquals("text", call(limited, TextService.FREE, "text"));
            }
            assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(900));
        }
    }

    @Test
    void clientIsDeniedIfItsTurnComesTooLateAndLeavesTheLineIfItCancels() throws Exception {
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            Policy policy = Policy.of("partner", "1/h");
            Channel impatient = ClientInterceptors.intercept(
                    channel, new RateLimitClientInterceptor(limiter, policy, "partner", Duration.ofSeconds(1)));
            Channel patient = ClientInterceptors.intercept(
                    channel, new RateLimitClientInterceptor(limiter, policy, "partner", Duration.ofHours(1)));
            assertEquals("text", call(impatient, TextService.FREE, "text"));
            StatusRuntimeException denial =
                    assertThrows(StatusRuntimeException.class, () -> call(impatient, TextService.FREE, "text"));
            assertEquals(Status.Code.RESOURCE_EXHAUSTED, denial.getStatus().getCode());
            Future<String> waiting =
                    ClientCalls.futureUnaryCall(patient.newCall(TextService.FREE, CallOptions.DEFAULT), "text");
            assertEquals(1, limiter.stats().waiting());
            assertTrue(waiting.cancel(true));
            assertEquals(0, limiter.stats().waiting());
            assertThrows(Exception.class, waiting::get);
        }
    }

    @Test
    void clientThatTheServiceDeniesHoldsFurtherCallsBack() throws ExecutionException, InterruptedException {
        try (RateLimiter limiter = RateLimiter.inMemory()) {
            Policy policy = Policy.of("partner", "1000/s");
            Channel limited = ClientInterceptors.intercept(
                    channel, new RateLimitClientInterceptor(limiter, policy, "partner", Duration.ZERO));
            for (int i = 0; i < 3; i++) {
                call(limited, TextService.SAY, "text");
            }
            assertThrows(StatusRuntimeException.class, () -> call(limited, TextService.SAY, "text"));
            int calls = service.calls.get();
            for (int i = 0; i < 10; i++) {
                assertThrows(StatusRuntimeException.class, () -> call(limited, TextService.FREE, "text"));
            }
            assertEquals(calls, service.calls.get());
            assertFalse(limiter.peek(policy, "partner", 1).allowed());
        }
    }
}
