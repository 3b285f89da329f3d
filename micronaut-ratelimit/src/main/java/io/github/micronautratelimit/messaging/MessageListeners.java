package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.web.Cost;
import io.github.micronautratelimit.web.KeyTemplate;
import io.github.micronautratelimit.web.KeyTemplate.Source;
import io.micronaut.core.annotation.AnnotationMetadata;
import io.micronaut.core.annotation.Internal;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Recognizes the methods that receive messages, by the names of their annotations. */
@Internal
public final class MessageListeners {

    /** On a class or a method. Those of Kafka, RabbitMQ, NATS, Pulsar and Pub/Sub are stereotypes of the first. */
    private static final List<String> LISTENERS =
            List.of("io.micronaut.messaging.annotation.MessageListener", "io.micronaut.jms.annotations.JMSListener");

    /** On a method, or on its class. Most names of destinations stand for the first. */
    private static final List<String> DESTINATIONS = List.of(
            "io.micronaut.messaging.annotation.MessageMapping",
            "io.micronaut.configuration.kafka.annotation.Topic",
            "io.micronaut.rabbitmq.annotation.Queue",
            "io.micronaut.jms.annotations.Queue",
            "io.micronaut.jms.annotations.Topic",
            "io.micronaut.nats.annotation.Subject",
            "io.micronaut.nats.jetstream.annotation.PushConsumer",
            "io.micronaut.pulsar.annotation.PulsarConsumer",
            "io.micronaut.mqtt.annotation.Topic",
            "io.micronaut.gcp.pubsub.annotation.Subscription");

    private static final Set<Source> OF_MESSAGES = Set.of(Source.TEXT, Source.GLOBAL);

    private MessageListeners() {}

    /**
     * Returns whether a messaging client calls a method for each message, or for each batch of messages.
     *
     * @param method the annotations of the method and of its class
     * @return {@code true} for a listener; {@code false} for other methods of its class
     */
    public static boolean isListener(AnnotationMetadata method) {
        return LISTENERS.stream().anyMatch(method::hasStereotype)
                && DESTINATIONS.stream().anyMatch(method::hasStereotype);
    }

    /**
     * Returns why a limit of a listener cannot be enforced.
     *
     * @param location where the limit is written
     * @param key      its key, or {@code null} if it has none, or an expression
     * @param cost     its cost
     * @return a sentence; {@code null} if it can be enforced
     */
    public static @Nullable String refusal(String location, @Nullable KeyTemplate key, Cost cost) {
        if (key != null && !key.parts().stream().allMatch(part -> OF_MESSAGES.contains(part.source()))) {
            return location + " has the key \"" + key.text() + "\" of HTTP requests, but a message listener has none;"
                    + " write an expression over the arguments such as \"#{ order.customer }\", or remove the key.";
        }
        if (cost.given() != null) {
            return location + " costs the permits \"" + cost.given() + "\" of HTTP requests, but a message listener has"
                    + " none; write a number, or an expression over the arguments such as \"#{ orders.size }\".";
        }
        return null;
    }
}
