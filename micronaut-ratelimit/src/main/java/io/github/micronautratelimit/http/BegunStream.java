package io.github.micronautratelimit.http;

import java.util.concurrent.CompletableFuture;
import org.reactivestreams.Subscription;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.core.publisher.SignalType;
import reactor.core.publisher.Sinks;

/** Subscribes to a stream for its first item before its subscriber is there, and later for what that one requests. */
final class BegunStream<T> extends BaseSubscriber<T> {

    private final CompletableFuture<Void> begun = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Sinks.Many<T> items = Sinks.unsafe().many().unicast().onBackpressureBuffer();

    /** Returns a stage that ends with the first item, or as the stream does if it has none. */
    CompletableFuture<Void> begun() {
        return begun;
    }

    /** Returns a stage that completes with the end of the stream, or when it is cancelled. */
    CompletableFuture<Void> ended() {
        return ended;
    }

    /** Returns all items, for one subscriber. */
    Flux<T> items() {
        return items.asFlux().doOnRequest(this::request).doOnCancel(this::cancel);
    }

    @Override
    protected void hookOnSubscribe(Subscription subscription) {
        request(1);
    }

    @Override
    protected void hookOnNext(T item) {
        items.tryEmitNext(item);
        begun.complete(null);
    }

    @Override
    protected void hookOnComplete() {
        end();
    }

    @Override
    protected void hookOnCancel() {
        end();
    }

    private void end() {
        items.tryEmitComplete();
        begun.complete(null);
    }

    @Override
    protected void hookOnError(Throwable failure) {
        items.tryEmitError(failure);
        begun.completeExceptionally(failure);
    }

    @Override
    protected void hookFinally(SignalType type) {
        ended.complete(null);
    }
}
