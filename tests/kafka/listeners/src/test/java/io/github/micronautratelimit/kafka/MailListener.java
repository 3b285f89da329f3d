package io.github.micronautratelimit.kafka;

import io.github.micronautratelimit.annotation.RateLimit;
import io.micronaut.configuration.kafka.annotation.KafkaListener;
import io.micronaut.configuration.kafka.annotation.Topic;
import io.micronaut.context.annotation.Requires;
import java.util.ArrayList;
import java.util.List;

@Requires(property = "spec.name", value = "mails")
// tag::listener[]
@KafkaListener(groupId = "mails")
class MailListener {

    private final List<String> sent = new ArrayList<>();

    @Topic("mails")
    @RateLimit("5/s")
    void send(String mail) {
        sent.add(mail);
    }
}
// end::listener[]
