package io.github.micronautratelimit.simulator.log;

import java.util.ArrayList;
import java.util.List;

/** Counts the lines of all files. Not thread-safe. */
public final class LogCounts {

    private static final int SHOWN = 3;
    private static final int LONGEST_SHOWN = 160;

    private final List<UnreadableLine> firstUnreadable = new ArrayList<>();
    private final List<String> problems = new ArrayList<>();
    private long lines;
    private long requests;
    private long unreadable;
    private long late;

    LogCounts() {}

    /**
     * A line that no format reads.
     *
     * @param file   the name of its file
     * @param number its number, from 1
     * @param text   its beginning
     */
    public record UnreadableLine(String file, long number, String text) {}

    void line() {
        lines++;
    }

    void request() {
        requests++;
    }

    void unreadable(String file, long number, String text) {
        unreadable++;
        if (firstUnreadable.size() < SHOWN) {
            String printable =
                    text.substring(0, Math.min(LONGEST_SHOWN, text.length())).replaceAll("\\p{Cntrl}", "?");
            firstUnreadable.add(new UnreadableLine(file, number, printable));
        }
    }

    void addLate() {
        late++;
    }

    void problem(String sentence) {
        problems.add(sentence);
    }

    /** Returns the number of lines. */
    public long lines() {
        return lines;
    }

    /** Returns the number of lines with a request. */
    public long requests() {
        return requests;
    }

    /** Returns the number of lines that could not be read. */
    public long unreadable() {
        return unreadable;
    }

    /** Returns the number of requests that came later than the window for sorting. */
    public long late() {
        return late;
    }

    /** Returns the first lines that could not be read, at most three. */
    public List<UnreadableLine> firstUnreadable() {
        return List.copyOf(firstUnreadable);
    }

    /** Returns sentences on files that could not be read to their ends. */
    public List<String> problems() {
        return List.copyOf(problems);
    }
}
