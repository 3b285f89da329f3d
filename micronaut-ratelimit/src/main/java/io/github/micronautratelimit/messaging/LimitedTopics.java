package io.github.micronautratelimit.messaging;

import io.github.micronautratelimit.annotation.RateLimited;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.BeanContext;
import io.micronaut.core.annotation.AnnotationValue;
import io.micronaut.inject.BeanDefinition;
import io.micronaut.inject.ExecutableMethod;
import jakarta.inject.Singleton;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The Kafka topics whose listeners have limits. Reads the listeners when the first consumer subscribes. */
@Singleton
@RequiresRateLimit
final class LimitedTopics {

    private static final String LISTENER = "io.micronaut.configuration.kafka.annotation.KafkaListener";
    private static final String TOPIC = "io.micronaut.configuration.kafka.annotation.Topic";
    private static final String FRAMEWORK = "io.micronaut.";

    private final List<Subscription> subscriptions;

    /**
     * The subscription of a listener with limits.
     *
     * @param topics the names and patterns
     * @param group  the start of the name of its group; empty if the framework chooses one
     * @param batch  whether the listener receives several records at once
     */
    private record Subscription(Set<String> topics, String group, boolean batch) {}

    LimitedTopics(BeanContext beans) {
        subscriptions = beans.getAllBeanDefinitions().stream()
                .filter(definition -> !definition.getName().startsWith(FRAMEWORK))
                .flatMap(definition -> definition.getExecutableMethods().stream()
                        .filter(method -> method.hasStereotype(RateLimited.class) && method.hasStereotype(LISTENER))
                        .map(method -> subscription(definition, method)))
                .filter(subscription -> !subscription.topics().isEmpty())
                .toList();
    }

    private static Subscription subscription(BeanDefinition<?> definition, ExecutableMethod<?, ?> method) {
        List<AnnotationValue<?>> topics = new ArrayList<>(method.getAnnotationValuesByName(TOPIC));
        topics.addAll(definition.getAnnotationMetadata().getAnnotationValuesByName(TOPIC));
        return new Subscription(
                topics.stream()
                        .flatMap(topic -> Stream.concat(
                                Arrays.stream(topic.stringValues()), Arrays.stream(topic.stringValues("patterns"))))
                        .collect(Collectors.toSet()),
                method.stringValue(LISTENER, "groupId").orElse(""),
                method.booleanValue(LISTENER, "batch").orElse(false));
    }

    /** How many records the listener of a subscription receives at once, if it has limits. */
    enum Pace {
        /** The listener has no limits. */
        UNLIMITED,
        /** The listener receives one record. */
        SINGLE,
        /** The listener receives all records that were read. */
        BATCH
    }

    /**
     * Returns the pace of a consumer. If two listeners of a topic cannot be told apart, that of single records counts,
     * which both can receive.
     *
     * @param topics a collection of names, or a pattern
     * @param group  the group of the consumer
     */
    Pace paceOf(Object topics, String group) {
        Collection<?> names = topics instanceof Collection<?> several
                ? several
                : List.of(topics instanceof Pattern pattern ? pattern.pattern() : topics);
        Pace pace = Pace.UNLIMITED;
        for (Subscription subscription : subscriptions) {
            if (group.startsWith(subscription.group()) && names.stream().anyMatch(subscription.topics()::contains)) {
                pace = subscription.batch() && pace != Pace.SINGLE ? Pace.BATCH : Pace.SINGLE;
            }
        }
        return pace;
    }
}
