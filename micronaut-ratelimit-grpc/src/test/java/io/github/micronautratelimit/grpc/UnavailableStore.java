package io.github.micronautratelimit.grpc;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.ForwardingBackend;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitBackend;
import io.github.micronautratelimit.memory.MemoryBackend;
import io.micronaut.context.annotation.Bean;
import io.micronaut.context.annotation.Factory;
import io.micronaut.context.annotation.Requires;
import jakarta.inject.Named;
import jakarta.inject.Singleton;
import java.net.ConnectException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** A store that never answers. */
final class UnavailableStore extends ForwardingBackend {

    private UnavailableStore() {
        super(new MemoryBackend());
    }

    @Factory
    @Requires(property = "ratelimit.backend", value = "unavailable")
    static final class Beans {

        @Singleton
        @Named("unavailable")
        @Bean(typed = RateLimitBackend.class)
        RateLimitBackend store() {
            return new UnavailableStore();
        }
    }

    @Override
    public CompletionStage<Decision> acquire(Policy policy, String key, long permits) {
        return CompletableFuture.failedFuture(new ConnectException("unavailable"));
    }

    @Override
    public boolean isLocal() {
        return false;
    }
}
