package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.OnError;
import io.github.micronautratelimit.annotation.NoRateLimit;
import io.github.micronautratelimit.annotation.RateLimit;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Singleton;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** A service whose messages are texts, in the form of generated services. */
@Singleton
@Requires(property = "spec.name", value = "grpc")
class TextService implements BindableService {

    static final MethodDescriptor<String, String> SAY = method("Say", MethodType.UNARY);
    static final MethodDescriptor<String, String> TENANT = method("Tenant", MethodType.UNARY);
    static final MethodDescriptor<String, String> CHAT = method("Chat", MethodType.BIDI_STREAMING);
    static final MethodDescriptor<String, String> HOLD = method("Hold", MethodType.UNARY);
    static final MethodDescriptor<String, String> CLOSED = method("Closed", MethodType.UNARY);
    static final MethodDescriptor<String, String> AWAIT = method("Await", MethodType.UNARY);
    static final MethodDescriptor<String, String> FREE = method("Free", MethodType.UNARY);

    final AtomicInteger calls = new AtomicInteger();
    final CountDownLatch released = new CountDownLatch(1);
    final CountDownLatch held = new CountDownLatch(1);

    private static MethodDescriptor<String, String> method(String name, MethodType type) {
        return MethodDescriptor.<String, String>newBuilder()
                .setType(type)
                .setFullMethodName(MethodDescriptor.generateFullMethodName("test.Text", name))
                .setRequestMarshaller(new Text())
                .setResponseMarshaller(new Text())
                .build();
    }

    private static final class Text implements MethodDescriptor.Marshaller<String> {

        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    // tag::say[]
    @RateLimit("3/h")
    void say(String text, StreamObserver<String> answer) {
        answer(text, answer);
    }
    // end::say[]

    @RateLimit(value = "1/h", key = "{header:x-tenant}")
    void tenant(String text, StreamObserver<String> answer) {
        answer(text, answer);
    }

    @RateLimit("1/h")
    StreamObserver<String> chat(StreamObserver<String> answers) {
        calls.incrementAndGet();
        return new StreamObserver<>() {

            @Override
            public void onNext(String text) {
                answers.onNext(text);
            }

            @Override
            public void onError(Throwable failure) {
                answers.onError(failure);
            }

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }

    @RateLimit("1 concurrent")
    void hold(String text, StreamObserver<String> answer) {
        held.countDown();
        if (text.equals("wait")) {
            return; // until the client cancels
        }
        answer(text, answer);
    }

    @RateLimit(value = "100/h", onError = OnError.CLOSED)
    void closed(String text, StreamObserver<String> answer) {
        answer(text, answer);
    }

    @RateLimit(value = "2/s burst 1", maxWait = "10s")
    void await(String text, StreamObserver<String> answer) {
        answer(text, answer);
    }

    @NoRateLimit
    void free(String text, StreamObserver<String> answer) {
        answer(text, answer);
    }

    private void answer(String text, StreamObserver<String> answer) {
        calls.incrementAndGet();
        answer.onNext(text);
        answer.onCompleted();
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ServerServiceDefinition.builder("test.Text")
                .addMethod(SAY, ServerCalls.asyncUnaryCall(this::say))
                .addMethod(TENANT, ServerCalls.asyncUnaryCall(this::tenant))
                .addMethod(CHAT, ServerCalls.asyncBidiStreamingCall(this::chat))
                .addMethod(HOLD, ServerCalls.asyncUnaryCall(this::hold))
                .addMethod(CLOSED, ServerCalls.asyncUnaryCall(this::closed))
                .addMethod(AWAIT, ServerCalls.asyncUnaryCall(this::await))
                .addMethod(FREE, ServerCalls.asyncUnaryCall(this::free))
                .build();
    }
}
