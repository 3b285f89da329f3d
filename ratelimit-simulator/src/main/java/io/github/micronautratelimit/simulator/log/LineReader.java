package io.github.micronautratelimit.simulator.log;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Reads lines of bounded length. The rest of a longer line is discarded, so no file can exhaust the memory. */
final class LineReader implements Closeable {

    /** The longest line, in bytes. */
    static final int MAX_LINE = 1 << 20;

    private static final int BUFFER = 1 << 16;

    private final InputStream in;
    private byte[] buffer = new byte[BUFFER];
    private int start;
    private int end;
    private boolean truncated;

    LineReader(InputStream in) {
        this.in = in;
    }

    /** Returns the next line without its end, or {@code null} at the end of the file. */
    @Nullable
    String next() throws IOException {
        int scanned = start;
        truncated = false;
        while (true) {
            for (int i = scanned; i < end; i++) {
                if (buffer[i] == '\n') {
                    return line(i, i + 1);
                }
            }
            scanned = end;
            if (end - start >= MAX_LINE) {
                truncated = true;
                end = start + MAX_LINE / 2;
                scanned = end;
            }
            int moved = makeRoom();
            scanned -= moved;
            int read = in.read(buffer, end, buffer.length - end);
            if (read < 0) {
                return start == end ? null : line(end, end);
            }
            end += read;
        }
    }

    /** Returns whether the last line exceeded the bound. */
    boolean isTruncated() {
        return truncated;
    }

    private int makeRoom() {
        if (end < buffer.length) {
            return 0;
        }
        int moved = start;
        if (start > 0) {
            System.arraycopy(buffer, start, buffer, 0, end - start);
            end -= start;
            start = 0;
        } else {
            buffer = Arrays.copyOf(buffer, 2 * buffer.length);
        }
        return moved;
    }

    private String line(int lineEnd, int next) {
        int last = lineEnd > start && buffer[lineEnd - 1] == '\r' ? lineEnd - 1 : lineEnd;
        String line = new String(buffer, start, last - start, StandardCharsets.UTF_8);
        start = next;
        return line;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
