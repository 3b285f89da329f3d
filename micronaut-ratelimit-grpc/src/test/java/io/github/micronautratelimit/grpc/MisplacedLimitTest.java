package io.github.micronautratelimit.grpc;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.micronautratelimit.annotation.RateLimit;
import io.grpc.BindableService;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.micronaut.context.ApplicationContext;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A limit on a method that no client can call would silently limit nothing. */
class MisplacedLimitTest {

    @Singleton
    @Requires(property = "spec.name", value = "misplaced")
    static class Service implements BindableService {

        @RateLimit("3/h")
        void say(String text, StreamObserver<String> answer) {
            answer.onNext(prepared(text));
            answer.onCompleted();
        }

        @RateLimit("1/h")
        String prepared(String text) {
            return text;
        }

        @Override
        public ServerServiceDefinition bindService() {
            return ServerServiceDefinition.builder("test.Text")
                    .addMethod(TextService.SAY, ServerCalls.asyncUnaryCall(this::say))
                    .build();
        }
    }

    @Test
    void limitBesideACallableMethodFailsTheStart() {
        Map<String, Object> properties = Map.of("spec.name", "misplaced", "grpc.server.port", "0");
        Exception failure = assertThrows(
                Exception.class, () -> ApplicationContext.run(properties).close());
        assertTrue(String.valueOf(failure).contains("prepared() limits no gRPC method"), failure::toString);
    }
}
