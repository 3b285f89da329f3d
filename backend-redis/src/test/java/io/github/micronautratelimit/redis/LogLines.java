package io.github.micronautratelimit.redis;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.slf4j.LoggerFactory;

/** The lines that all loggers write while a test runs. */
final class LogLines implements AutoCloseable {

    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    private final Logger ours = (Logger) LoggerFactory.getLogger("io.github.micronautratelimit");
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    LogLines() {
        ours.setLevel(Level.INFO);
        appender.start();
        root.addAppender(appender);
    }

    /** Returns the lines so far in the form "LEVEL text". */
    List<String> lines() {
        return of("");
    }

    /** Returns the lines of {@link RedisConnection}. */
    List<String> ofConnection() {
        return of(RedisConnection.class.getName());
    }

    private List<String> of(String logger) {
        synchronized (appender) {
            return appender.list.stream()
                    .filter(event -> event.getLoggerName().startsWith(logger))
                    .map(event -> event.getLevel() + " " + event.getFormattedMessage())
                    .toList();
        }
    }

    @Override
    public void close() {
        root.detachAppender(appender);
        ours.setLevel(null);
    }
}
