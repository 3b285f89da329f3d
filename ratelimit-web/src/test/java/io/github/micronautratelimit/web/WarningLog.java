package io.github.micronautratelimit.web;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.slf4j.LoggerFactory;

/** Records the configuration warnings while it is open. */
final class WarningLog implements AutoCloseable {

    private static final int CODE_LENGTH = 5;

    private final Logger logger = (Logger) LoggerFactory.getLogger(ConfigurationWarnings.class);
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    WarningLog() {
        appender.start();
        logger.addAppender(appender);
    }

    List<String> lines() {
        return List.copyOf(appender.list).stream()
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    List<String> codes() {
        return lines().stream().map(line -> line.substring(0, CODE_LENGTH)).toList();
    }

    @Override
    public void close() {
        logger.detachAppender(appender);
    }
}
