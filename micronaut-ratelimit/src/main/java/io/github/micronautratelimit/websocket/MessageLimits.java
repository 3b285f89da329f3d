package io.github.micronautratelimit.websocket;

import io.github.micronautratelimit.Decisions;
import io.github.micronautratelimit.PermitRequest;
import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.RateLimitExceededException;
import io.github.micronautratelimit.key.KeyResolution;
import io.github.micronautratelimit.policy.EffectivePolicyResolver;
import io.github.micronautratelimit.policy.LimitBinding;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The limits on the messages of one connection. Cases and keys are resolved once, from the request that opens the
 * connection.
 * Limits are read for each message, because a refresh may change them. Not thread-safe.
 */
final class MessageLimits {

    private final Supplier<List<LimitBinding>> current;
    private final KeyResolution keys;
    private final EffectivePolicyResolver policies;
    private final HttpRequest<?> opening;
    private final WebRequest request;
    private final String connection;
    private List<LimitBinding> written = List.of();
    private List<LimitBinding> bindings = List.of();
    private @Nullable Decisions denial;
    private List<String> resolvedKeys = List.of();

    /**
     * Creates the limits of a connection.
     *
     * @param current    returns the current limits, which a refresh may change
     * @param opening    the request that opens the connection
     * @param connection identifies the connection within this process
     */
    MessageLimits(
            Supplier<List<LimitBinding>> current,
            KeyResolution keys,
            EffectivePolicyResolver policies,
            HttpRequest<?> opening,
            String connection) {
        this.current = current;
        this.keys = keys;
        this.policies = policies;
        this.opening = opening;
        this.request = keys.of(opening);
        this.connection = connection;
        refresh();
    }

    private void refresh() {
        List<LimitBinding> now = current.get();
        if (now != written) {
            written = now;
            WebSocketMessage anyMessage = new WebSocketMessage(request, connection, 0);
            denial = null;
            try {
                bindings = policies.matching(now, anyMessage, PermitRequest.Origin.WS_MESSAGE);
            } catch (RateLimitExceededException e) {
                bindings = List.of();
                denial = e.decisions();
            }
            resolvedKeys = bindings.stream()
                    .map(binding -> keys.keyOf(Objects.requireNonNull(binding.key()), anyMessage))
                    .toList();
        }
    }

    /** Returns the denial of every message by the configuration, or {@code null}. */
    @Nullable
    Decisions denial() {
        refresh();
        return denial;
    }

    /** Returns whether the cost of a message is unknown until the message is complete. */
    boolean dependOnSize() {
        refresh();
        for (LimitBinding binding : bindings) {
            KeyTemplate.Part given = binding.cost().given();
            if (given != null && given.source() == KeyTemplate.Source.BODY_SIZE) {
                return true;
            }
        }
        return false;
    }

    /** Returns whether a message of at least this size costs more than a limit can ever grant. */
    boolean neverGrant(long size) {
        try {
            return Stream.of(true, false)
                    .flatMap(perConnection -> requests(size, perConnection).stream())
                    .anyMatch(needed -> needed.permits() > needed.policy().capacity());
        } catch (RateLimitExceededException e) {
            return true;
        }
    }

    /**
     * Returns the requests for the permits of a message.
     *
     * @param size          its length in bytes
     * @param perConnection {@code true} for the limits per connection, {@code false} for all others
     * @throws RateLimitExceededException if an override denies the key
     */
    List<PermitRequest> requests(long size, boolean perConnection) {
        refresh();
        WebSocketMessage message = new WebSocketMessage(request, connection, size);
        List<PermitRequest> requests = new ArrayList<>(bindings.size());
        for (int i = 0; i < bindings.size(); i++) {
            LimitBinding binding = bindings.get(i);
            if (Objects.requireNonNull(binding.key()).isOfConnection() == perConnection) {
                String key = resolvedKeys.get(i);
                Policy policy = policies.of(binding.policy(), key, opening, PermitRequest.Origin.WS_MESSAGE);
                if (policy != null) {
                    requests.add(new PermitRequest(
                            policy, key, keys.permitsOf(binding.cost(), message), PermitRequest.Origin.WS_MESSAGE));
                }
            }
        }
        return requests;
    }
}
