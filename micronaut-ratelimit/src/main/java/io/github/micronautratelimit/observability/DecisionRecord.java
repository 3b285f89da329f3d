package io.github.micronautratelimit.observability;

import io.github.micronautratelimit.Decision;
import io.github.micronautratelimit.MicroClock;
import io.github.micronautratelimit.RateLimitEvent;
import io.github.micronautratelimit.RateLimitListener;
import io.github.micronautratelimit.configuration.RecordConfiguration;
import io.github.micronautratelimit.configuration.RequiresRateLimit;
import io.micronaut.context.annotation.Context;
import io.micronaut.context.annotation.Requires;
import io.micronaut.context.exceptions.ConfigurationException;
import io.micronaut.core.annotation.Order;
import io.micronaut.core.order.Ordered;
import io.micronaut.scheduling.annotation.Scheduled;
import jakarta.annotation.PreDestroy;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends decisions to a file that the simulator replays under other limits: the time in microseconds, the policy, the
 * hash of the key, the permits and the outcome. Runs on the thread of the listeners, before the others, so that the
 * time is right. No request waits for the disk. If writing fails, recording ends with one line in the log, and the
 * application continues.
 */
@Context
@Order(Ordered.HIGHEST_PRECEDENCE)
@RequiresRateLimit
@Requires(property = RecordConfiguration.PREFIX + ".path")
final class DecisionRecord implements RateLimitListener {

    private static final Logger LOG = LoggerFactory.getLogger(DecisionRecord.class);
    private static final long MEGABYTE = 1_000_000;
    private static final int HEX_DIGITS = 8;
    private static final double HASHES = 1L << 32;

    private final MicroClock clock;
    private final Path path;
    private final double sample;
    private final long maxBytes;
    private @Nullable BufferedWriter writer;
    private long bytes;

    DecisionRecord(MicroClock clock, RecordConfiguration configuration) {
        this.clock = clock;
        this.path = Path.of(Objects.requireNonNull(configuration.getPath())).toAbsolutePath();
        this.sample = configuration.getSample();
        this.maxBytes = configuration.getMaxMegabytes() * MEGABYTE;
        try {
            open();
        } catch (IOException e) {
            throw new ConfigurationException(
                    RecordConfiguration.PREFIX + ".path = \"" + path
                            + "\" cannot be written; write a path in a folder that exists and is writable.",
                    e);
        }
    }

    private synchronized void open() throws IOException {
        writer = Files.newBufferedWriter(
                path, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        bytes = Files.size(path);
    }

    @Override
    public void onAllow(RateLimitEvent event) {
        record(event, "allowed");
    }

    @Override
    public void onBlock(RateLimitEvent event) {
        record(event, "denied");
    }

    private void record(RateLimitEvent event, String outcome) {
        String key = event.keyHash();
        if (Long.parseLong(key, 0, HEX_DIGITS, 16) >= sample * HASHES) {
            return;
        }
        // Names of policies contain neither quotation marks nor backslashes.
        write("{\"t\":" + timeOf(event) + ",\"policy\":\"" + event.policy().name() + "\",\"key\":\"" + key
                + "\",\"permits\":" + event.permits() + ",\"outcome\":\"" + outcome + "\"}\n");
    }

    /** Returns the time of the charge if the backend states it, otherwise the present time. */
    private long timeOf(RateLimitEvent event) {
        return event.decision() instanceof Decision.Allowed allowed
                        && allowed.chargedAtMicros() != Decision.Allowed.UNKNOWN_TIME
                ? allowed.chargedAtMicros()
                : clock.micros();
    }

    private synchronized void write(String line) {
        if (writer == null) {
            return;
        }
        try {
            if (bytes + line.length() > maxBytes) {
                writer.close();
                Files.move(path, path.resolveSibling(path.getFileName() + ".1"), StandardCopyOption.REPLACE_EXISTING);
                open();
            }
            writer.write(line);
            bytes += line.length();
        } catch (IOException e) {
            end(e);
        }
    }

    /** Writes buffered lines, so that the record is complete but for the last second. */
    @Scheduled(fixedDelay = "1s", initialDelay = "1s")
    synchronized void flush() {
        if (writer != null) {
            try {
                writer.flush();
            } catch (IOException e) {
                end(e);
            }
        }
    }

    private void end(IOException failure) {
        writer = null;
        LOG.warn("The record of decisions at {} ends, because the file cannot be written.", path, failure);
    }

    @PreDestroy
    synchronized void close() {
        flush();
        try {
            if (writer != null) {
                writer.close();
            }
        } catch (IOException e) {
            end(e);
        }
        writer = null;
    }
}
