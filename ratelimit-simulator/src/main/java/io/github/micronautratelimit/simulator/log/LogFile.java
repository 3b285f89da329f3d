package io.github.micronautratelimit.simulator.log;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/** One file of a log, plain or compressed with gzip, whose requests come in the order of time. Not thread-safe. */
final class LogFile implements Closeable {

    private static final int BUFFER = 1 << 16;
    private static final int MOST_SAMPLES = 50;

    private final String name;
    private final LineReader reader;
    private final LineFormat format;
    private final LogCounts counts;
    private final Queue<String> sampled;
    private final ReorderBuffer buffer;
    private long number;
    private boolean ended;

    private LogFile(String name, LineReader reader, LogOptions options, LogCounts counts) throws IOException {
        this.name = name;
        this.reader = reader;
        this.counts = counts;
        List<String> sample = new ArrayList<>();
        while (sample.size() < MOST_SAMPLES) {
            String line = reader.next();
            if (line == null) {
                break;
            }
            sample.add(line);
        }
        if (sample.stream().allMatch(String::isBlank)) {
            throw new InvalidLogException("The log " + name + " is empty; pass a file that contains requests.");
        }
        this.format = format(sample, options);
        this.sampled = new ArrayDeque<>(sample);
        this.buffer = new ReorderBuffer(
                TimeUnit.NANOSECONDS.toMicros(options.reorder().toNanos()));
    }

    /**
     * Opens a file.
     *
     * @param file    the file, or the standard input
     * @param options how to read it
     * @param input   the standard input
     * @param counts  counts its lines
     * @param bytes   counts the bytes that are read from the file
     * @throws InvalidLogException if the file cannot be read, is empty, or has no known format
     */
    static LogFile open(Path file, LogOptions options, InputStream input, LogCounts counts, AtomicLong bytes) {
        boolean isStandardInput = file.equals(LogOptions.STANDARD_INPUT);
        String name = isStandardInput ? "standard input" : String.valueOf(file.getFileName());
        if (!isStandardInput && !Files.isRegularFile(file) && !Files.isReadable(file)) {
            throw new InvalidLogException(
                    "The log " + file + " does not exist or is not readable; pass the path of a" + " readable file.");
        }
        if (Files.isDirectory(file)) {
            throw new InvalidLogException(
                    "The log " + file + " is a folder; pass the files in it, such as " + file + "/*.log.");
        }
        try {
            InputStream raw = isStandardInput ? input : Files.newInputStream(file);
            return new LogFile(name, new LineReader(plain(new CountedInput(raw, bytes))), options, counts);
        } catch (IOException e) {
            throw new InvalidLogException("The log " + file + " cannot be read (" + e.getMessage()
                    + "); check its permissions and that it is plain text or gzip.");
        }
    }

    private static InputStream plain(InputStream in) throws IOException {
        BufferedInputStream buffered = new BufferedInputStream(in, BUFFER);
        buffered.mark(2);
        boolean isGzip = buffered.read() == 0x1f && buffered.read() == 0x8b;
        buffered.reset();
        return isGzip ? new GZIPInputStream(buffered, BUFFER) : buffered;
    }

    private LineFormat format(List<String> sample, LogOptions options) {
        if (options.nginx() != null) {
            return new NginxFormat(options.nginx(), options.wanted());
        }
        LogFormat detected = options.format() == null ? LogFormat.detect(sample, options.mapped()) : options.format();
        if (detected == null) {
            throw new InvalidLogException("The format of " + name + " is not known; pass --format, for example --format"
                    + " json --field time=NAME --field client=NAME, or --log-format with the log_format of nginx.");
        }
        return detected.open(options.mapped(), options.wanted());
    }

    /** Returns whether lines of the file may contain a field. */
    boolean mayContain(String field) {
        return format.mayContain(field);
    }

    /** Returns whether the lines are recorded decisions of an application. */
    boolean isRecorded() {
        return format instanceof RecordedFormat;
    }

    String name() {
        return name;
    }

    /** Returns the next request in the order of time, or {@code null} at the end. */
    @Nullable
    AccessRecord next() {
        AccessRecord next = buffer.poll();
        while (next == null && !ended) {
            read();
            next = buffer.poll();
        }
        return next;
    }

    private void read() {
        String line = nextLine();
        if (line == null) {
            ended = true;
            buffer.end();
            return;
        }
        number++;
        counts.line();
        AccessRecord record = reader.isTruncated() && sampled.isEmpty() ? null : format.parse(line);
        if (record == null) {
            counts.unreadable(name, number, line);
        } else if (record != AccessRecord.NOT_A_REQUEST) {
            counts.request();
            buffer.add(record);
        }
    }

    private @Nullable String nextLine() {
        String first = sampled.poll();
        if (first != null) {
            return first;
        }
        try {
            return reader.next();
        } catch (IOException e) {
            counts.problem("The file " + name + " ends early after line " + number + " (" + e.getMessage()
                    + "); its readable part is replayed.");
            return null;
        }
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }
}
