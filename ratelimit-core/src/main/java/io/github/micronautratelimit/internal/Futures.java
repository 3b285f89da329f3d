package io.github.micronautratelimit.internal;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Calls, unwraps and awaits stages the same way everywhere. */
public final class Futures {

    private Futures() {}

    /**
     * Makes a call. An exception that the call throws becomes the failure of the stage.
     *
     * @param call returns a stage
     * @return the stage of the call, or a failed stage
     * @param <T> the result of the stage
     */
    public static <T> CompletionStage<T> call(Supplier<CompletionStage<T>> call) {
        try {
            return call.get();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /**
     * Returns the result of a stage that is already complete, so that a caller can continue without a further stage.
     *
     * @param stage the stage
     * @return the result; {@code null} if there is none yet, or the stage has failed
     * @param <T> the result of the stage
     */
    public static <T> @Nullable T resultNow(CompletionStage<T> stage) {
        return stage instanceof CompletableFuture<T> future && future.isDone() && !future.isCompletedExceptionally()
                ? future.join()
                : null;
    }

    /**
     * Removes the wrapper that composition of stages adds to a failure.
     *
     * @param failure the failure of a stage
     * @return its cause if it is a {@link CompletionException}, otherwise the failure itself
     */
    public static Throwable unwrap(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }

    /**
     * Waits for a stage on the calling thread.
     *
     * @param stage   the stage
     * @param failing makes the exception to throw from the unwrapped failure of the stage
     * @return the result of the stage
     * @param <T> the result of the stage
     */
    public static <T> T await(CompletionStage<T> stage, Function<Throwable, RuntimeException> failing) {
        try {
            return stage.toCompletableFuture().join();
        } catch (CompletionException | CancellationException e) {
            throw failing.apply(unwrap(e));
        }
    }
}
