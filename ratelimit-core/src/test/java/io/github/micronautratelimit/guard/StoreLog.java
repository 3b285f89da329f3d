package io.github.micronautratelimit.guard;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.slf4j.LoggerFactory;

/** The log lines about one store, whose name is unique because other tests log at the same time. */
final class StoreLog extends AppenderBase<ILoggingEvent> implements AutoCloseable {

    private final Logger logger = (Logger) LoggerFactory.getLogger(StoreHealth.class);
    private final String store = "test-" + UUID.randomUUID();
    private final List<ILoggingEvent> events = new CopyOnWriteArrayList<>();

    StoreLog() {
        start();
        logger.addAppender(this);
    }

    /** Returns the name of the store. */
    String store() {
        return store;
    }

    @Override
    protected void append(ILoggingEvent event) {
        if (event.getFormattedMessage().contains(store)) {
            events.add(event);
        }
    }

    List<String> lines() {
        return events.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    List<String> lines(Level level) {
        return events.stream()
                .filter(event -> event.getLevel() == level)
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Override
    public void close() {
        logger.detachAppender(this);
        stop();
    }
}
