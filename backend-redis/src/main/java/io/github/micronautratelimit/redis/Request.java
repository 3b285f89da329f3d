package io.github.micronautratelimit.redis;

import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.Decision;

/** What one caller asks of one key, and the stage on which it waits for the decision. */
final class Request extends CompletableFuture<Decision> {

    final Terms terms;
    final byte[] key;
    final long permits;
    /** The one that joined the same batch before this one; written before this one is seen by others. */
    @Nullable Request earlier;
    int position;

    Request(Terms terms, String key, long permits) {
        this.terms = terms;
        this.key = terms.name(key);
        this.permits = permits;
    }
}
