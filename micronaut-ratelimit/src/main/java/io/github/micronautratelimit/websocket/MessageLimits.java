package io.github.micronautratelimit.websocket;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;

import io.github.micronautratelimit.Ask;
import io.github.micronautratelimit.LimitType;
import io.github.micronautratelimit.config.PolicyChoice;
import io.github.micronautratelimit.intercept.AppliedLimit;
import io.github.micronautratelimit.key.Keys;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.WebRequest;
import io.micronaut.http.HttpRequest;

/**
 * The limits on the messages of one connection. Who is limited is found once, from the request that opens it; the numbers are
 * those that hold when a message comes. For one thread at a time.
 */
final class MessageLimits {

    private final Supplier<List<AppliedLimit>> written;
    private final Keys keys;
    private final PolicyChoice choice;
    private final HttpRequest<?> opening;
    private final WebRequest request;
    private final String connection;
    private List<AppliedLimit> limits = List.of();
    private List<String> keyed = List.of();

    /**
     * The limits on a connection.
     *
     * @param written    the limits as they are written, which a refresh may change
     * @param opening    the request that opens it
     * @param connection what no other connection has
     */
    MessageLimits(Supplier<List<AppliedLimit>> written, Keys keys, PolicyChoice choice, HttpRequest<?> opening,
                  String connection) {
        this.written = written;
        this.keys = keys;
        this.choice = choice;
        this.opening = opening;
        this.request = keys.of(opening);
        this.connection = connection;
        refresh();
    }

    private void refresh() {
        List<AppliedLimit> now = written.get();
        if (now != limits) {
            limits = now;
            SocketMessage any = new SocketMessage(request, connection, 0);
            keyed = now.stream().map(limit -> keys.keyOf(Objects.requireNonNull(limit.key()), any)).toList();
        }
    }

    /** Whether a message must be whole before it is known what it costs. */
    boolean dependOnSize() {
        refresh();
        for (AppliedLimit limit : limits) {
            if (limit.cost().given() != null && limit.cost().given().source() == KeyTemplate.Source.BODY_SIZE) {
                return true;
            }
        }
        return false;
    }

    /** Whether a message of so many bytes or more asks for more than any state would grant. */
    boolean neverGrant(long size) {
        return Stream.of(true, false).flatMap(own -> asks(size, own).stream())
                .anyMatch(ask -> ask.permits() > ask.policy().capacity());
    }

    /**
     * What to ask for a message.
     *
     * @param size       its length in bytes
     * @param ownCounter {@code true} for the limits on this connection alone, {@code false} for those that are shared
     */
    List<Ask> asks(long size, boolean ownCounter) {
        refresh();
        SocketMessage message = new SocketMessage(request, connection, size);
        List<Ask> asks = new ArrayList<>(limits.size());
        for (int i = 0; i < limits.size(); i++) {
            AppliedLimit limit = limits.get(i);
            if (Objects.requireNonNull(limit.key()).isOfConnection() == ownCounter) {
                String key = keyed.get(i);
                asks.add(new Ask(choice.of(limit.policy(), key, opening), key, keys.permitsOf(limit.cost(), message),
                        LimitType.WS_MESSAGE));
            }
        }
        return asks;
    }
}
