package io.github.micronautratelimit.simulator.log;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The requests of all files in the order of time. Files that follow each other and files that several servers wrote at
 * the same time are merged alike. Holds one line of each file and the window for sorting in memory.
 */
public final class AccessLog implements Closeable {

    private final List<LogFile> files = new ArrayList<>();
    private final PriorityQueue<Head> heads = new PriorityQueue<>(
            Comparator.<Head>comparingLong(head -> head.record.micros()).thenComparingInt(Head::index));
    private final LogCounts counts = new LogCounts();
    private final AtomicLong bytes = new AtomicLong();
    private final long totalBytes;
    private long latest = Long.MIN_VALUE;

    private record Head(AccessRecord record, LogFile file, int index) {}

    /**
     * Opens all files.
     *
     * @param options the files and how to read them
     * @param input   the standard input
     * @throws InvalidLogException if a file cannot be read, is empty, or has no known format
     */
    public AccessLog(LogOptions options, InputStream input) {
        long total = 0;
        for (Path path : options.files()) {
            files.add(LogFile.open(path, options, input, counts, bytes));
            total += path.equals(LogOptions.STANDARD_INPUT) ? 0 : path.toFile().length();
        }
        totalBytes = options.files().contains(LogOptions.STANDARD_INPUT) || !areRegular(options.files()) ? 0 : total;
    }

    private static boolean areRegular(List<Path> paths) {
        return paths.stream().allMatch(Files::isRegularFile);
    }

    /**
     * Returns the name of a file that cannot contain a field.
     *
     * @param field a {@linkplain FieldName field}
     * @return the name, or {@code null} if all files may contain the field
     */
    public @Nullable String fileWithout(String field) {
        return files.stream()
                .filter(file -> !file.mayContain(field))
                .map(LogFile::name)
                .findFirst()
                .orElse(null);
    }

    /** Returns whether all files are recorded decisions of an application. */
    public boolean isRecorded() {
        return files.stream().allMatch(LogFile::isRecorded);
    }

    /**
     * Returns the next request.
     *
     * @return the request, or {@code null} at the end of all files
     */
    public @Nullable AccessRecord next() {
        if (latest == Long.MIN_VALUE) {
            for (int i = 0; i < files.size(); i++) {
                advance(files.get(i), i);
            }
            latest = 0;
        }
        Head head = heads.poll();
        if (head == null) {
            return null;
        }
        advance(head.file, head.index);
        if (head.record.micros() < latest) {
            counts.addLate();
        } else {
            latest = head.record.micros();
        }
        return head.record;
    }

    private void advance(LogFile file, int index) {
        AccessRecord next = file.next();
        if (next != null) {
            heads.add(new Head(next, file, index));
        }
    }

    /** Returns the counts of lines so far. */
    public LogCounts counts() {
        return counts;
    }

    /** Returns the share of all bytes that are read, 0 to 1; a negative number if the size is unknown. */
    public double progress() {
        return totalBytes == 0 ? -1 : Math.min(1, (double) bytes.get() / totalBytes);
    }

    @Override
    public void close() throws IOException {
        for (LogFile file : files) {
            file.close();
        }
    }
}
