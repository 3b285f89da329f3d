package io.github.micronautratelimit.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A table of the measured costs of a backend in an AsciiDoc file, as comma-separated values: the first table after the
 * line {@code // costs:NAME}. A test adds its measurements row by row. {@link #check} fails if the table in the file
 * differs. If the system property {@code ratelimit.costs.write} is {@code true}, it writes the table instead. Not
 * thread-safe.
 */
public final class CostTable {

    /** The difference that is accepted for any approximate number. */
    private static final int MIN_TOLERANCE = 8;

    private static final String FENCE = "|===";

    private final Path file;
    private final String name;
    private final List<List<Object>> rows = new ArrayList<>();

    /**
     * Creates a table without rows.
     *
     * @param file    the AsciiDoc file
     * @param name    the name of the table in the file
     * @param columns the headings of the columns
     */
    public CostTable(Path file, String name, String... columns) {
        this.file = file;
        this.name = name;
        rows.add(List.of((Object[]) columns));
    }

    /** A number that varies between runs. */
    private record About(long number) {

        /** Accepts a tenth more or less, and at least {@link #MIN_TOLERANCE}: times and ports vary in length. */
        boolean matches(String written) {
            return written.matches("\\d+")
                    && Math.abs(Long.parseLong(written) - number) <= Math.max(MIN_TOLERANCE, number / 10);
        }

        @Override
        public String toString() {
            return Long.toString(number);
        }
    }

    /**
     * Creates a cell for an approximate number, such as a number of bytes. The file may differ by a tenth.
     *
     * @param number the measured number
     * @return a cell
     */
    public static Object about(long number) {
        return new About(number);
    }

    /**
     * Adds a row.
     *
     * @param cells measured values, exact or from {@link #about}; their texts contain no comma
     */
    public void row(Object... cells) {
        rows.add(List.of(cells));
    }

    /** Compares the measurements with the table in the file, or writes them. */
    public void check() {
        try {
            List<String> lines = new ArrayList<>(Files.readAllLines(file));
            int begin = lines.indexOf("// costs:" + name);
            assertTrue(begin >= 0, () -> file + " has no line \"// costs:" + name + "\"");
            int first = begin + lines.subList(begin, lines.size()).indexOf(FENCE) + 1;
            List<String> written = lines.subList(
                    first, first + lines.subList(first, lines.size()).indexOf(FENCE));
            if (Boolean.getBoolean("ratelimit.costs.write")) {
                written.clear();
                lines.addAll(first, rows.stream().map(CostTable::text).toList());
                Files.write(file, lines);
            } else {
                compare(written);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void compare(List<String> written) {
        assertEquals(
                rows.size(),
                written.size(),
                () -> "The table \"" + name + "\" in " + file + " has other rows than were measured:\n"
                        + rows.stream().map(CostTable::text).collect(Collectors.joining("\n")));
        for (int i = 0; i < written.size(); i++) {
            List<Object> row = rows.get(i);
            String line = written.get(i);
            assertTrue(
                    matches(Arrays.asList(line.split(",", -1)), row),
                    () -> "The table \"" + name + "\" in " + file + " contains\n" + line + "\nbut the test measured\n"
                            + text(row)
                            + "\nIf the change is intended, run the test with -Dratelimit.costs.write=true.");
        }
    }

    private static boolean matches(List<String> written, List<Object> row) {
        boolean same = written.size() == row.size();
        for (int i = 0; same && i < written.size(); i++) {
            same = row.get(i) instanceof About about
                    ? about.matches(written.get(i))
                    : row.get(i).toString().equals(written.get(i));
        }
        return same;
    }

    private static String text(List<Object> row) {
        return row.stream().map(Object::toString).collect(Collectors.joining(","));
    }
}
