package io.github.micronautratelimit.examples.quickstart;

import io.github.micronautratelimit.Policy;
import io.github.micronautratelimit.annotation.RateLimit;
import jakarta.inject.Singleton;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A limited bean: at most two mails in ten seconds for each recipient, from all callers together. */
@Singleton
class MailService {

    private static final Logger LOG = LoggerFactory.getLogger(MailService.class);
    private static final String LIMIT = "2/10s";
    private static final String NAME = "mails";

    static final Policy POLICY = Policy.of(NAME, LIMIT);

    @RateLimit(value = LIMIT, policy = NAME, key = "#{ recipient }")
    void send(String recipient, String text) {
        LOG.info("Mail: {}", text);
    }
}
